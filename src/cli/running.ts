import { randomUUID } from 'node:crypto'
import { Option, type Command } from 'commander'
import { durationText } from '../drill/duration.js'
import type { DrillPlan } from '../drill/plan.js'
import type { Verdict } from '../drill/verdict.js'
import { DrillError } from '../errors.js'
import { planLines } from './plan-lines.js'
import type { Run } from './program.js'
import { print, printJson } from './shell.js'
import { tableLines } from './table.js'
import { clean } from './text.js'
import { watch } from './watch.js'

/** A start waits for preflight, which asks every component. */
const startMs = 60_000

const verdicts: Verdict[] = ['passed', 'passed-with-findings', 'failed', 'invalid', 'aborted']

interface StartOptions extends LoadOptions {
  env: string
  param: string[]
  production?: boolean
  rehearse?: boolean
  key?: string
  watch?: boolean
  ask?: boolean
  strict?: boolean
}

/** Parameters of runbook `load` (and `suite` of `smoke`), as load testers type them. */
interface LoadOptions { scenario?: string, users?: string, spawnRate?: string, runTime?: string, scale?: string, shards?: string, suite?: string }

/** start, watch, list, plan. */
export function addRunning (program: Command, run: Run): void {
  const collect = (value: string, before: string[]): string[] => [...before, value]

  program.command('start').argument('<RUNBOOK>', 'name of the runbook').description('start a drill, `smoke` or `load`')
    .requiredOption('--env <name>', 'environment')
    .option('-p, --param <key=value>', 'parameter of the runbook, any number of them', collect, [])
    .option('--production', 'yes, on an environment of tier production')
    .option('--rehearse', 'gates and tasks for real, everything that touches something only announced')
    .option('--scenario <name>', 'of `load`: a file of runbooks/load')
    .option('-u, --users <n>', 'of `load`').option('-r, --spawn-rate <n>', 'of `load`: new users a second').option('-t, --run-time <duration>', 'of `load`: such as 30s, 5m')
    .option('--scale <share>', 'of `load`: of the scenario’s time, such as 0.1: a try, never compared with a full run').option('--shards <n>', 'of `load`: workers that share the users')
    .option('--suite <name>', 'of `smoke`: a file of runbooks/smoke')
    .option('--key <text>', 'idempotency key: the same one again starts nothing anew')
    .option('--watch', 'follow it to its end (default on a terminal)').option('--no-watch', 'print its id and return')
    .option('--ask', 'ask at each gate that you may answer')
    .option('--strict', 'findings fail too (exit code 1)')
    .addHelpText('after', `
What \`smoke\` or \`load\` measured, as \`muster smoke\` and \`muster load\` write it, once its step is over:
  muster result ID --format junit --out smoke.xml    or json, prometheus, html; of a load json, prometheus, html, markdown`)
    .action(run<[string, StartOptions]>(() => ({ command: 'start' }), async (shell, runbook, options) => {
      const body = wantedOf(runbook, options)
      const started = await shell.api.post<{ drillId: string }>('v1/drills', body, { deadlineMs: startMs, idempotencyKey: options.key ?? randomUUID() })
      const follows = options.watch ?? (shell.stdout.isTTY && !shell.json)
      if (!follows) {
        if (shell.json) printJson(shell, started)
        else print(shell, `THIS IS A DRILL: ${started.drillId} has started on ${options.env.toUpperCase()}`, `→ muster watch ${started.drillId}`)
        return
      }
      return await watch(shell, started.drillId, options)
    }))

  program.command('watch').argument('<ID>', 'drill').description('follow a drill to its end; Ctrl-C leaves the watch, not the drill')
    .option('--ask', 'ask at each gate that you may answer')
    .option('--strict', 'findings fail too (exit code 1)')
    .action(run<[string, { ask?: boolean, strict?: boolean }]>(id => ({ drillId: id }), async (shell, id, options) => await watch(shell, id, options)))

  program.command('list').description('drills, the newest first')
    .option('--runbook <name>', 'of this runbook').option('--env <name>', 'on this environment')
    .addOption(new Option('--verdict <verdict>', 'with this verdict').choices(verdicts))
    .addOption(new Option('--state <state>', 'running: not ended; waiting: for people').choices(['running', 'waiting', 'ended']))
    .option('--limit <n>', 'how many, at most 100', '20')
    .action(run<[{ runbook?: string, env?: string, verdict?: string, state?: string, limit: string }]>(() => ({ command: 'list' }), async (shell, options) => {
      const { env, ...filters } = options
      const answer = await shell.api.get<{ drills: Listed[] }>('v1/drills', { ...filters, environment: env })
      if (shell.json) return printJson(shell, answer)
      if (answer.drills.length === 0) return print(shell, 'no drill', '→ muster start RUNBOOK --env E')
      print(shell, ...tableLines(['drill', 'environment', 'started (UTC)', 'state', 'recovery', 'lost', 'by'], answer.drills.map(listedRow), shell.paint))
    }))

  program.command('plan').argument('<RUNBOOK>', 'name of the runbook').description('what a drill would do, and whether it could start now; touches nothing')
    .requiredOption('--env <name>', 'environment')
    .option('-p, --param <key=value>', 'parameter of the runbook', collect, [])
    .option('--production', 'yes, on an environment of tier production')
    .option('--rehearse', 'gates and tasks for real, everything that touches something only announced')
    .action(run<[string, StartOptions]>(() => ({ command: 'plan' }), async (shell, runbook, options) => {
      const body = wantedOf(runbook, options)
      const plan = await shell.api.post<DrillPlan>('v1/plans', body, { deadlineMs: startMs })
      if (shell.json) printJson(shell, plan)
      else print(shell, ...planLines(plan, shell.paint))
      return plan.problems.length > 0 ? 3 : 0
    }))
}

/** What is asked of the API, of a start or of a plan. */
function wantedOf (runbook: string, { env, param, production, rehearse, ...options }: StartOptions): object {
  return { runbook, environment: env, params: { ...paramsOf(param), ...loadParams(options) }, ...production ? { production } : {}, ...rehearse ? { rehearse } : {} }
}

/** Only what was given: what the runbook has no parameter for, the API refuses by name. */
function loadParams ({ scenario, users, spawnRate, runTime, scale, shards, suite }: LoadOptions): Record<string, string | number> {
  if (scale !== undefined && !(Number(scale) > 0 && Number(scale) <= 1)) throw new DrillError('input.invalid', '--scale takes a share above 0 and at most 1, such as 0.1')
  const given = { scenario, users: numberOf('--users', users), spawnRate: numberOf('--spawn-rate', spawnRate), runTime, percent: scale && Math.max(1, Math.round(Number(scale) * 100)), shards: numberOf('--shards', shards), suite }
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string | number] => entry[1] !== undefined))
}

function numberOf (option: string, text: string | undefined): number | undefined {
  if (text !== undefined && !/^\d{1,6}$/.test(text)) throw new DrillError('input.invalid', `${option} takes a whole number, not "${clean(text)}"`)
  return text === undefined ? undefined : Number(text)
}

interface Listed {
  drillId: string
  createdAtMs: number
  startedAtMs?: number
  environment: string
  phase: string
  verdict?: string
  commander: { name: string }
  rtaTechnicalMs?: number
  lost?: number
  leftBehind: number
  waitingFor: Array<{ command: string }>
}

function listedRow (drill: Listed): string[] {
  const state = drill.verdict ?? (drill.waitingFor.length > 0 ? 'waiting for people' : drill.phase)
  return [
    drill.drillId, drill.environment.toUpperCase(),
    new Date(drill.startedAtMs ?? drill.createdAtMs).toISOString().slice(0, 16).replace('T', ' '),
    drill.leftBehind > 0 ? `${state}, LEFT BEHIND ${drill.leftBehind}` : state,
    drill.rtaTechnicalMs === undefined ? '' : durationText(drill.rtaTechnicalMs),
    drill.lost === undefined ? '' : String(drill.lost),
    clean(drill.commander.name),
  ]
}

/** `k=v` as the runbook's parameters take them: true, false and numbers are what they look like. Throws `input.invalid`. */
export function paramsOf (pairs: string[]): Record<string, string | number | boolean> {
  const params: Record<string, string | number | boolean> = {}
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at < 1) throw new DrillError('input.invalid', `-p takes KEY=VALUE, not "${clean(pair)}"`)
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
    params[name] = value === 'true' ? true : value === 'false' ? false : /^-?\d{1,15}$/.test(value) ? Number(value) : value
  }
  return params
}
