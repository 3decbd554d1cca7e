import { existsSync, lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ActionInputs } from '../../src/drill/actions.js'
import { manifestOf, type Manifest } from '../../src/drill/manifest.js'
import type { SealedConfiguration } from '../../src/drill/recovery.js'
import { DrillError } from '../../src/errors.js'
import type { Action, StepContext } from '../action.js'
import { manifestName } from './configuration-seal.js'
import { memoryOf, wipe } from './memory.js'
import { endStrays, lastWords, runPipeline } from './pipeline.js'
import { makeScratch, scratchOf } from './scratch.js'

/** Opens a sealed configuration in memory; its undo wipes it, so whatever dies in between, the drill owes that nothing stays. */
export const configurationOpen: Action<ActionInputs['configuration.open']> = {
  async do ({ configuration }, context) {
    const { file } = configuration
    const identity = await context.secret(configuration.identity)
    const memory = memoryOf(configuration)
    if (!existsSync(file)) throw new DrillError('backup.missing', `There is no sealed configuration at ${file}`)
    wipe(memory, context)
    const folder = makeScratch(memory, context)
    try {
      await open(configuration, folder, identity, context)
      const manifest = readManifest(folder)
      return {
        summary: `opened ${manifest.entries.filter(entry => entry.kind === 'file').length} files, sealed at ${new Date(manifest.sealedAtMs).toISOString()}, in memory`,
        output: { folder, sealedAt: new Date(manifest.sealedAtMs).toISOString() },
      }
    } catch (error) {
      // What came out before the damage was noticed is secret too.
      wipe(memory, context)
      throw error
    }
  },

  async verify ({ configuration }, context) {
    const folder = scratchOf(memoryOf(configuration), context)
    const there = lstatSync(folder, { throwIfNoEntry: false }) !== undefined
    return { undone: !there, summary: there ? `opened secrets lie in ${folder}` : 'no opened secret is left' }
  },

  async undo ({ configuration }, context) {
    const memory = memoryOf(configuration)
    await endStrays(configuration.tools, 'tar', scratchOf(memory, context), context.signal)
    return wipe(memory, context) === 'removed' ? 'wiped the opened secrets' : 'the opened secrets were wiped already'
  },
}

/** The list of what should be there, out of what was opened. Throws `backup.damaged`. */
export function readManifest (folder: string): Manifest {
  const path = join(folder, manifestName)
  const manifest = existsSync(path) ? manifestOf(readFileSync(path, 'utf8')) : undefined
  if (!manifest) throw new DrillError('backup.damaged', 'What was opened holds no list of what it should hold: it is no sealed configuration of Muster')
  return manifest
}

async function open ({ file, tools }: SealedConfiguration, folder: string, identity: string, context: StepContext): Promise<void> {
  await endStrays(tools, 'tar', folder, context.signal)
  const { stages } = await runPipeline(tools, [
    { tool: 'age', args: ['--decrypt', '-i', '-', file] },
    { tool: 'tar', args: ['--extract', '--preserve-permissions', '--xattrs', '--acls', '--numeric-owner', '--file=-', '-C', folder] },
  ], { ...context, input: `${identity}\n` })
  const [age, tar] = stages
  const words = age!.stderr
  if (/no identity matched/.test(words)) throw new DrillError('backup.key', `The key does not open ${file}: it was sealed to others`)
  if (/unknown identity type|no identities found|malformed secret key|reading "-"/.test(words)) throw new DrillError('backup.key', `What should be the key to ${file} is no secret key of age`)
  if (age!.exitCode !== 0) throw new DrillError('backup.damaged', `${file} cannot be opened whole: ${lastWords(words.replace(/^age: report unexpected.*$/m, ''))}`)
  if (tar!.exitCode !== 0 || tar!.stderr.trim() !== '') throw new DrillError('backup.damaged', `What ${file} holds could not be unpacked: ${lastWords(tar!.stderr)}`)
}
