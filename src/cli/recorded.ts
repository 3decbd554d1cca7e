import { readFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { DrillError, messageOf } from '../errors.js'
import type { Parts, Run } from './program.js'
import { writeReport } from './report-file.js'
import { print, printJson, type Shell } from './shell.js'

const resultFormats = ['json', 'html', 'markdown', 'prometheus', 'junit']
const formats = ['md', 'json', 'html', 'csv']

/** report, result, export, verify, check: what was recorded, and what is written in files. */
export function addRecorded (program: Command, run: Run, parts: Parts): void {
  program.command('report').argument('<ID>', 'drill').description('the report of a drill')
    .addOption(new Option('--format <format>', 'md, json, html or csv (the timeline)').choices(formats))
    .option('--out <file>', 'write it there')
    .action(run<[string, { format?: string, out?: string }]>(id => ({ drillId: id }), async (shell, id, options) => {
      const format = options.format ?? (shell.json ? 'json' : 'md')
      await deliver(shell, await shell.api.text(`v1/drills/${encodeURIComponent(id)}/report`, { format }), options.out)
    }))

  program.command('result').argument('<ID>', 'drill').argument('[STEP]', 'step; may be left out where only one has a result').description('the whole result of a load or a smoke suite')
    .addOption(new Option('--format <format>', 'json, html, markdown (load), prometheus, junit (suite)').choices(resultFormats).default('json'))
    .option('--out <file>', 'write it there')
    .action(run<[string, string | undefined, { format: string, out?: string }]>(id => ({ drillId: id }), async (shell, id, step, options) => {
      await deliver(shell, await shell.api.text(`v1/drills/${encodeURIComponent(id)}/result`, { step, format: options.format }), options.out)
    }))

  program.command('export').argument('<ID>', 'drill').description('the timeline of a drill with its hash chain, for `muster verify`')
    .option('--out <file>', 'write it there')
    .action(run<[string, { out?: string }]>(id => ({ drillId: id }), async (shell, id, options) => {
      const text = await shell.api.text(`v1/drills/${encodeURIComponent(id)}/export`)
      await deliver(shell, text, options.out)
      if (options.out !== undefined && !shell.json) print(shell, `→ muster verify ${options.out}`)
    }))

  program.command('verify').argument('<FILE>', 'an export, or a report as JSON').description('prove that a copy is as it was recorded; needs no server')
    .action(run<[string]>(() => ({ command: 'verify' }), async (shell, file) => {
      const { verify } = await parts.evidence()
      const proof = verify(await readJson(file))
      if (shell.json) printJson(shell, proof)
      else print(shell, `${shell.paint('green', '✓')} ${proof.drillId}: ${proof.proven}`)
    }))

  program.command('check').argument('[FILES...]', 'runbooks and environments; all there are if none is named').description('validate files; touches nothing')
    .action(run<[string[]]>(() => ({ command: 'check' }), async (shell, files) => {
      const check = await parts.check()
      const result = await check(files)
      if (shell.json) printJson(shell, result)
      else {
        for (const problem of result.problems) print(shell, problem)
        if (result.problems.length === 0) print(shell, `${shell.paint('green', '✓')} ${result.checked.length} ${result.checked.length === 1 ? 'file is' : 'files are'} good: ${result.checked.join(', ')}`)
      }
      return result.problems.length > 0 ? 2 : 0
    }))
}

async function deliver (shell: Shell, text: string, out: string | undefined): Promise<void> {
  if (out === undefined) {
    shell.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
    return
  }
  await writeReport(out, text)
  if (shell.json) printJson(shell, { file: out, bytes: Buffer.byteLength(text) })
  else print(shell, `${shell.paint('green', '✓')} written to ${out}`)
}

async function readJson (file: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new DrillError('input.invalid', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new DrillError('input.invalid', `${file} is no JSON: take it from \`muster export\` or \`muster report --format json\``, { cause })
  }
}
