import { join, parse } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { tryDurationMs } from '../drill/duration.js'
import type { LoadLive, LoadOverrides, LoadResult } from '../drill/load.js'
import { exitCodeOf, type Verdict } from '../drill/verdict.js'
import { DrillError } from '../errors.js'
import type { LoadDoor } from './load-door.js'
import type { Parts, Run } from './program.js'
import { requireWritable, writeReport } from './report-file.js'
import { print, type Shell } from './shell.js'
import { createScreen } from './screen.js'
import { tableLines } from './table.js'
import { clean, clip } from './text.js'

interface LoadOptions {
  env: string
  scenario?: string
  all?: boolean
  users?: number
  spawnRate?: number
  runTime?: string
  scale?: number
  allowProduction?: boolean
  html?: string
  markdown?: string
  prometheus?: string
  strict?: boolean
}

const formats = ['html', 'markdown', 'prometheus'] as const

/** `muster load`: one scenario, or all in a row, from this machine, with live figures. */
export function addLoad (program: Command, run: Run, parts: Pick<Parts, 'load'>): void {
  program.command('load').description('put load on an environment from this machine, and judge it; needs neither Temporal nor a store')
    .requiredOption('--env <name>', 'the environment; it must allow load (load.hosts)')
    .option('--scenario <name>', 'a file of runbooks/load')
    .option('--all', 'baseline, peak, stress, endurance: about 90 minutes')
    .option('-u, --users <n>', 'instead of the scenario’s', above0)
    .option('-r, --spawn-rate <n>', 'new users a second', above0)
    .option('-t, --run-time <duration>', 'such as 30s, 5m', duration)
    .option('--scale <share>', 'of the scenario’s time, such as 0.1: a try, never compared with a full run', share)
    .option('--allow-production', 'the environment is production, and this is meant')
    .option('--html <file>', 'write a page')
    .option('--markdown <file>', 'write Markdown')
    .option('--prometheus <file>', 'write Prometheus’s text format')
    .option('--strict', 'exit 1 on findings too')
    .addHelpText('after', `
With --all each scenario has files of its own: load.html is load-baseline.html and so on.
With history, and held against earlier runs: muster start load --env NAME --scenario NAME
then the same files: muster result ID --format html --out load.html`)
    .action(run<[LoadOptions]>(() => ({ command: 'load' }), async (shell, options) => await load(shell, await parts.load(), options)))
}

async function load (shell: Shell, door: LoadDoor, options: LoadOptions): Promise<number> {
  // Never all for want of a name: that is an hour and a half of load.
  if ((options.all === true) === (options.scenario !== undefined)) throw new DrillError('input.invalid', `which scenario: --scenario ${door.scenarios.join(', ')}, or --all`)
  const names = options.scenario === undefined ? door.scenarios : [options.scenario]
  // Before any load: an hour and a half later it would be too late.
  for (const file of names.flatMap(scenario => formats.map(format => fileOf(options, format, scenario)))) if (file !== undefined) await requireWritable(file)
  const stop = new AbortController()
  const release = shell.onInterrupt(() => { stop.abort() })
  const results: LoadResult[] = []
  try {
    for (const scenario of names) {
      if (stop.signal.aborted) break
      results.push(await one(shell, door, scenario, options, stop.signal))
    }
  } finally {
    release()
  }
  if (shell.json) print(shell, JSON.stringify(options.all ? results : results[0]))
  return Math.max(...results.map(({ verdict }) => exitCodeOf(verdict satisfies Verdict, options.strict)))
}

async function one (shell: Shell, door: LoadDoor, scenario: string, options: LoadOptions, signal: AbortSignal): Promise<LoadResult> {
  const overrides: LoadOverrides = { users: options.users, spawnRate: options.spawnRate, runTime: options.runTime, scale: options.scale }
  const show = liveView(shell, door, scenario)
  let result: LoadResult
  try {
    result = await door.run({ environment: options.env, scenario, overrides, allowProduction: options.allowProduction === true }, { signal, onLive: live => { show.live(live) } })
  } finally {
    show.close()
  }
  for (const format of formats) {
    const file = fileOf(options, format, scenario)
    if (file !== undefined) await writeReport(file, door.render[format](result))
  }
  if (!shell.json) print(shell, ...resultLines(result, shell))
  return result
}

/** Where a report goes; of all runs each has a file of its own: load.html is load-baseline.html, load-peak.html and so on. */
function fileOf (options: LoadOptions, format: typeof formats[number], scenario: string): string | undefined {
  const file = options[format]
  if (file === undefined || !options.all) return file
  const { dir, name, ext } = parse(file)
  return join(dir, `${name}-${scenario}${ext}`)
}

/** One line that is redrawn on a terminal; elsewhere one every ten seconds. */
function liveView (shell: Shell, door: LoadDoor, scenario: string): { live: (live: LoadLive) => void, close: () => void } {
  if (shell.json) return { live: () => {}, close: () => {} }
  if (!shell.stdout.isTTY) {
    let nextMs = 0
    print(shell, `${scenario}: starting`)
    return { live: live => { if (live.atMs >= nextMs) { nextMs = live.atMs + 9_500; print(shell, `${scenario}: ${door.liveText(live)}`) } }, close: () => {} }
  }
  const screen = createScreen(shell.stdout)
  screen.draw([`${scenario}: starting`])
  return { live: live => { screen.draw([clip(`${scenario}: ${door.liveText(live)}`, shell.stdout.columns)]) }, close: () => { screen.close() } }
}

const verdicts: Record<LoadResult['verdict'], { text: string, style: 'green' | 'yellow' | 'red' }> = {
  passed: { text: 'PASSED', style: 'green' },
  'passed-with-findings': { text: 'PASSED WITH FINDINGS', style: 'yellow' },
  failed: { text: 'FAILED', style: 'red' },
  invalid: { text: 'INVALID', style: 'yellow' },
  aborted: { text: 'ABORTED', style: 'yellow' },
}

function resultLines (result: LoadResult, shell: Shell): string[] {
  const { verdict, reasons, total, endpoints, failures, quality, breaking, requestsPerSecond, slow, runId } = result
  const ms = (value: number | undefined): string => value === undefined ? '–' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
  const row = (name: string, { requests, errors, responseMs: r }: LoadResult['total']): string[] => [clean(name), String(requests), String(errors), ms(r?.p50), ms(r?.p75), ms(r?.p90), ms(r?.p95), ms(r?.p99), ms(r?.p999), ms(r?.max)]
  return [
    '',
    ...tableLines(['', 'requests', 'errors', 'P50', 'P75', 'P90', 'P95', 'P99', 'P99.9', 'max'], [...endpoints.map(one => row(one.endpoint, one)), row('all', total)], shell.paint),
    '',
    `${requestsPerSecond} requests a second, ${slow.count} over 1 s, ${quality.missed} missed, sent late by p99 ${ms(quality.latenessP99Ms)}`,
    ...failures.map(({ failure, count, examples }) => clean(`${failure}: ${count}, first: ${examples[0]?.endpoint ?? ''}: ${examples[0]?.message ?? ''}`)),
    ...breaking === undefined ? [] : [`breaking point: ${breaking}`],
    '',
    `${shell.paint(verdicts[verdict].style, verdicts[verdict].text)}  ${clean(reasons[0] ?? '')}`,
    ...reasons.slice(1).map(reason => `  - ${clean(reason)}`),
    shell.paint('dim', runId),
  ]
}

function above0 (text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('It takes a number above 0.')
  return value
}

function share (text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('It takes a share above 0 and below 1.')
  return value
}

function duration (text: string): string {
  if (!((tryDurationMs(text) ?? 0) > 0)) throw new InvalidArgumentError('It takes a duration such as 30s, 5m.')
  return text
}
