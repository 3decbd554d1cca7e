import { chmodSync, closeSync, existsSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ActionInputs } from '../../src/drill/actions.js'
import type { Manifest } from '../../src/drill/manifest.js'
import type { SealedConfiguration } from '../../src/drill/recovery.js'
import { DrillError } from '../../src/errors.js'
import type { Action, StepContext } from '../action.js'
import { inventory } from './inventory.js'
import { memoryOf, wipe } from './memory.js'
import { endStrays, lastWords, runPipeline } from './pipeline.js'
import { makeScratch, megabytes } from './scratch.js'

export const manifestName = 'muster-manifest.json'

/**
 * Seals configuration and secrets into one file that the operator's and the escrow's key open. Nothing of it touches a disk unsealed.
 * The file is there whole or as it was before.
 */
export const configurationSeal: Action<ActionInputs['configuration.seal']> = {
  async do ({ configuration }, context) {
    const { paths, file, recipients, tools } = configuration
    if (recipients.operator === recipients.escrow) throw new DrillError('input.invalid', 'The operator’s and the escrow’s public key are the same: whoever loses one loses both')
    await endStrays(tools, 'age', freshOf(file), context.signal)
    const manifest: Manifest = { sealedAtMs: Date.now(), paths, entries: inventory('/', paths) }
    const memory = memoryOf(configuration)
    const folder = makeScratch(memory, context)
    try {
      writeFileSync(join(folder, manifestName), JSON.stringify(manifest), { mode: 0o600 })
      await seal(configuration, folder, context)
      return { summary: `sealed ${manifest.entries.filter(entry => entry.kind === 'file').length} files, ${megabytes(statSync(file).size)}, to operator and escrow`, output: { file, sealedAt: new Date(manifest.sealedAtMs).toISOString() } }
    } finally {
      wipe(memory, context)
      rmSync(freshOf(file), { force: true })
    }
  },

  async verify ({ configuration }) {
    const half = existsSync(freshOf(configuration.file))
    return { undone: !half, summary: half ? `${freshOf(configuration.file)} is left behind` : 'the sealed file stays, it is what is wanted' }
  },

  async undo ({ configuration }, context) {
    await endStrays(configuration.tools, 'age', freshOf(configuration.file), context.signal)
    wipe(memoryOf(configuration), context)
    rmSync(freshOf(configuration.file), { force: true })
    return 'removed a half-sealed file'
  },
}

async function seal ({ paths, file, recipients, tools }: SealedConfiguration, folder: string, context: StepContext): Promise<void> {
  const relative = paths.map(path => path.replace(/^\/+/, ''))
  const { stages } = await runPipeline(tools, [
    { tool: 'tar', args: ['--create', '--format=posix', '--xattrs', '--acls', '--numeric-owner', '--sort=name', '--file=-', '-C', folder, manifestName, '-C', '/', '--', ...relative] },
    { tool: 'age', args: ['--encrypt', '-r', recipients.operator, '-r', recipients.escrow, '-o', freshOf(file)] },
  ], context)
  const failed = stages.find(stage => stage.exitCode !== 0 || stage.stderr.trim() !== '')
  if (failed) throw new DrillError('backup.incomplete', `${failed.tool} could not seal everything (exit code ${failed.exitCode}): ${lastWords(failed.stderr)}`)
  const stanzas = recipientsOf(freshOf(file))
  if (stanzas !== 2) throw new DrillError('backup.incomplete', `The sealed file has ${stanzas} recipients, not operator and escrow`)
  chmodSync(freshOf(file), 0o600)
  const handle = openSync(freshOf(file), 'r')
  fsyncSync(handle)
  closeSync(handle)
  renameSync(freshOf(file), file)
}

/** Lines of the file's own header: age names each recipient's kind there, and nothing of who it is. */
function recipientsOf (file: string): number {
  const handle = openSync(file, 'r')
  try {
    const head = Buffer.alloc(2048)
    const text = head.subarray(0, readSync(handle, head)).toString('latin1')
    return text.startsWith('age-encryption.org/v1\n') ? text.split('\n---')[0]!.split('\n-> X25519 ').length - 1 : 0
  } finally {
    closeSync(handle)
  }
}

function freshOf (file: string): string {
  return `${file}.new`
}
