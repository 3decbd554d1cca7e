import { spawn, type ChildProcess } from 'node:child_process'
import { basename } from 'node:path'
import { pipeline as pipe } from 'node:stream/promises'
import { bounded } from '../../src/control/command.js'
import { allProcs, commandLineOf, isSame, sendSignal } from '../../src/control/proc.js'
import { until } from '../../src/control/until.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { ToolTable } from '../../src/drill/recovery.js'

/** One program of a pipeline; `tool` is a name of the component's allow-list. */
export interface Stage {
  tool: string
  args: string[]
  cwd?: string
  /** The only way to hand over a secret: arguments are public on a machine. */
  env?: Record<string, string>
}

export interface StageResult { tool: string, exitCode: number, stderr: string }

export interface PipelineOptions {
  signal: AbortSignal
  /** What the first program is given on its standard input, such as a key. Never logged. */
  input?: string
  /** User of the programs, where the worker is root. */
  runAs?: { uid: number, gid: number }
  /** Gets each line of the last program's output as it comes. */
  onLine?: (line: string) => void
  /** Of stdout; what is beyond is thrown away. Default 64 MiB. */
  maxOutputBytes?: number
}

export interface PipelineResult {
  /** Output of the last program. */
  stdout: string
  /** Output was thrown away. */
  truncated: boolean
  stages: StageResult[]
}

/**
 * Runs programs, each reading what the one before it writes, without a shell. Exit codes are results, not errors: what a program says
 * decides. Aborting kills all of them and throws the signal's reason. Throws `control.refused` (not on the allow-list) and
 * `control.failed` (could not be started).
 */
export async function runPipeline (tools: ToolTable, stages: Stage[], options: PipelineOptions): Promise<PipelineResult> {
  const { signal, runAs, input, onLine, maxOutputBytes = 64 * 1024 * 1024 } = options
  signal.throwIfAborted()
  const programs = stages.map(stage => ({ ...stage, ...programOf(tools, stage.tool) }))
  const children = programs.map(({ path, args, cwd, env, toolEnv }) => spawn(path, args, {
    cwd, env: { ...plainEnvironment, ...toolEnv, ...env }, ...runAs, stdio: ['pipe', 'pipe', 'pipe'],
  }))
  const kill = (): void => { for (const child of children) child.kill('SIGKILL') }
  signal.addEventListener('abort', kill, { once: true })
  const output = bounded(maxOutputBytes)
  const errors = children.map(child => {
    const text = bounded(256 * 1024)
    child.stderr.on('data', text.add)
    return text
  })
  const last = children.at(-1)!
  last.stdout.on('data', output.add)
  if (onLine !== undefined) byLine(last, onLine)
  // A reader that ends early breaks its writer's pipe; what either says tells why.
  children.slice(1).forEach((child, index) => { pipe(children[index]!.stdout, child.stdin).catch(() => {}) })
  children[0]!.stdin.on('error', () => {})
  children[0]!.stdin.end(input ?? '')
  try {
    const codes = await Promise.all(children.map(ended))
    signal.throwIfAborted()
    return { stdout: output.text(), truncated: output.full(), stages: stages.map(({ tool }, index) => ({ tool, exitCode: codes[index]!, stderr: errors[index]!.text() })) }
  } catch (error) {
    kill()
    signal.throwIfAborted()
    throw new DrillError('control.failed', `${stages.map(stage => stage.tool).join(' | ')} could not be run: ${messageOf(error)}`, { cause: error })
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

/** One program. */
export async function runOne (tools: ToolTable, stage: Stage, options: PipelineOptions): Promise<StageResult & { stdout: string, truncated: boolean }> {
  const { stdout, truncated, stages } = await runPipeline(tools, [stage], options)
  return { stdout, truncated, ...stages[0]! }
}

/** The last words of a program, for one line of an error. */
export function lastWords (text: string, lines = 2): string {
  return text.trim().split('\n').filter(line => line.trim() !== '').slice(-lines).join(' / ').slice(-400) || 'it said nothing'
}

/** Nothing of the worker's own environment: it holds secrets that are none of a tool's business. */
const plainEnvironment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' }

function programOf (tools: ToolTable, name: string): { path: string, toolEnv?: Record<string, string> } {
  const tool = Object.hasOwn(tools, name) ? tools[name] : undefined
  if (!tool) throw new DrillError('control.refused', `"${name}" is not among the tools of the environment's recovery (${Object.keys(tools).join(', ') || 'none'})`)
  return { path: tool.path, toolEnv: tool.env }
}

function ended (child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => { resolve(code ?? 128) })
  })
}

function byLine (child: ChildProcess, onLine: (line: string) => void): void {
  let rest = ''
  child.stdout!.on('data', (data: Buffer) => {
    const lines = (rest + data.toString('utf8')).split('\n')
    rest = lines.pop()!
    for (const line of lines) onLine(line)
  })
}

/**
 * Ends what an earlier, dead try left running: programs of that name with this text, which is the step's own, as an argument. A program
 * does not die with its worker, and would write beside the next try.
 */
export async function endStrays (tools: ToolTable, tool: string, argument: string, signal: AbortSignal): Promise<void> {
  const name = basename(programOf(tools, tool).path).slice(0, 15)
  const strays = allProcs().filter(proc => proc.name === name && proc.pid !== process.pid && commandLineOf(proc.pid).split(' ').includes(argument))
  for (const stray of strays) sendSignal(stray, 'SIGKILL')
  const gone = await until(() => strays.some(isSame) ? undefined : true, { everyMs: 5, deadlineMs: 5_000, signal })
  if (!gone) throw new DrillError('control.failed', `An earlier ${tool} (process ${strays[0]!.pid}) is still there 5 s after SIGKILL`)
}
