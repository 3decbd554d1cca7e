import type { Command } from 'commander'
import { durationText } from '../drill/duration.js'
import { figure, type CheckRun, type SmokeOutcome, type SuiteRun, type ThresholdRow } from '../drill/suite.js'
import { exitCodeOf } from '../drill/verdict.js'
import { DrillError } from '../errors.js'
import type { Style } from './paint.js'
import type { Parts, Run } from './program.js'
import { writeReport } from './report-file.js'
import { paramsOf } from './running.js'
import { print, type Shell } from './shell.js'
import { clean, padEnd } from './text.js'
import { verdictMark } from './view.js'

/** What the entry file hands over: the checks run in this process, without Temporal and without a store. */
export interface SmokeDoor {
  run: (options: {
    environment: string
    suite?: string
    only?: string[]
    params: Record<string, unknown>
    signal: AbortSignal
    onPlan: (checks: number) => void
    onAnswer: (run: CheckRun) => void
  }) => Promise<SuiteRun>
  draw: Record<'json' | 'junit' | 'prometheus' | 'html', (run: SuiteRun) => string>
}

interface SmokeOptions { env: string, suite?: string, check?: string[], param: string[], junit?: string, prometheus?: string, html?: string, strict?: boolean }

const files = ['junit', 'prometheus', 'html'] as const

/** `muster smoke`: asks an environment whether it is whole, from where this terminal is. */
export function addSmoke (program: Command, run: Run, parts: Parts): void {
  program.command('smoke').description('ask an environment whether it is whole; needs neither server nor Temporal')
    .requiredOption('--env <name>', 'environment')
    .option('--suite <name>', 'suite of runbooks/smoke (default: the environment’s, else production)')
    .option('--check <id...>', 'only these checks')
    .option('-p, --param <key=value>', 'parameter of the suite, any number of them', (value: string, before: string[]) => [...before, value], [])
    .option('--junit <file>', 'write JUnit XML there').option('--prometheus <file>', 'write Prometheus’s text format there').option('--html <file>', 'write a page there')
    .option('--strict', 'findings fail too (exit code 1)')
    .addHelpText('after', `
With history, and tried again where its worker dies: muster start smoke --env NAME
then the same files: muster result ID --format junit --out smoke.xml`)
    .action(run<[SmokeOptions]>(() => ({ command: 'smoke' }), async (shell, options) => {
      const door = await parts.smoke()
      const leave = new AbortController()
      const release = shell.onInterrupt(() => { leave.abort(new DrillError('input.invalid', 'interrupted')) })
      try {
        const result = await door.run({
          environment: options.env, suite: options.suite, only: options.check, params: paramsOf(options.param), signal: leave.signal,
          onPlan: checks => { if (!shell.json) print(shell, `${checks} checks on ${options.env.toUpperCase()}`) },
          onAnswer: check => { if (!shell.json && check.outcome !== 'skipped') print(shell, ...checkLines(check, shell)) },
        })
        for (const format of files) if (options[format] !== undefined) await writeReport(options[format], door.draw[format](result))
        if (shell.json) shell.stdout.write(door.draw.json(result))
        else print(shell, ...endLines(result, shell))
        return exitCodeOf(result.verdict, options.strict)
      } catch (error) {
        if (!leave.signal.aborted) throw error
        print(shell, 'interrupted: what the checks had made was removed')
        return exitCodeOf('aborted')
      } finally {
        release()
      }
    }))
}

const marks: Record<SmokeOutcome, [mark: string, style: Style]> = {
  pass: ['✓', 'green'], fail: ['✗', 'red'], blind: ['?', 'red'], 'not-configured': ['–', 'dim'], skipped: ['–', 'dim'],
}
const levels: Record<ThresholdRow['outcome'], [mark: string, style: Style]> = {
  green: ['✓', 'green'], between: ['!', 'yellow'], alert: ['✗', 'red'], blind: ['?', 'red'], 'not-configured': ['–', 'dim'],
}

function checkLines (check: CheckRun, { paint }: Shell): string[] {
  const [mark, style] = marks[check.outcome]
  const word = check.outcome === 'blind' ? 'could not be asked: ' : check.outcome === 'not-configured' ? 'not configured: ' : ''
  return [
    `${paint(style, mark)} ${padEnd(check.id, 18)} ${padEnd(check.ms === 0 ? '' : durationText(check.ms), 8)} ${word}${clean(check.observed)}${check.flaky ? paint('yellow', `  flaky: passed on try ${check.tries.length}`) : ''}`,
    ...(check.outcome === 'fail' ? [paint('dim', `  expected: ${clean(check.expected)}`)] : []),
    ...(check.cleanUp?.cleaned === false ? [paint('red', `  left behind: ${clean(check.cleanUp.observed)}`)] : []),
  ]
}

function endLines (run: SuiteRun, { paint }: Shell): string[] {
  const rows = run.thresholds.filter(row => row.outcome !== 'not-configured').map(row => {
    const [mark, style] = levels[row.outcome]
    return `${paint(style, mark)} ${padEnd(row.metric, 22)} ${padEnd(row.value === undefined ? 'no figure' : figure(row.value, row.unit), 12)} target ${figure(row.target, row.unit)}, alert ${figure(row.alert, row.unit)}`
  })
  const mark = verdictMark(run.verdict)
  return [
    ...(rows.length > 0 ? ['', ...rows] : []),
    '',
    `${paint(mark.style, mark.text)}  ${clean(run.why)}`,
    ...run.reasons.slice(1).map(reason => `  ${clean(reason)}`),
    paint('dim', `took ${durationText(run.ms)}; its checks together ${durationText(run.serialMs)}`),
  ]
}
