import { runCommand } from '../../src/control/command.js'
import type { RunResult } from '../../src/control/control.js'
import { DrillError } from '../../src/errors.js'
import type { Backup } from '../../src/drill/environment.js'
import { bytesText } from '../../src/drill/recovery-rate.js'
import type { StepContext } from '../action.js'
import { tell } from '../tell.js'

export type Worker = Pick<StepContext, 'stepId' | 'signal' | 'secret' | 'heartbeat'>

export interface ToolOptions {
  /** Without a byte read for so long a run is ended. Default 10 min. */
  stallMs?: number
  /** Default a day: what moves bytes has no length of its own. */
  timeoutMs?: number
  maxOutputBytes?: number
  /** Told with each heartbeat, beside the bytes. */
  doing?: string
}

const defaultStallMs = 10 * 60_000
const dayMs = 86_400_000
/** What pgBackRest gets after SIGTERM to release its locks and end in order. */
const graceMs = 10_000

/**
 * Runs one of the backup's tools as its user, with a heartbeat that carries the bytes read so far. A cancel is a SIGTERM first. A
 * non-zero exit code is a result. Throws `control.refused` (no such tool), `control.failed`, `backup.stalled`.
 */
export async function runTool (backup: Backup, name: string, args: string[], worker: Worker, options: ToolOptions = {}): Promise<RunResult> {
  const tool = toolOf(backup, name)
  const stall = new AbortController()
  const { stallMs = defaultStallMs, doing = name } = options
  let [bytes, grownAtMs] = [0, Date.now()]
  const onBytes = (now: number): void => {
    if (now > bytes) [bytes, grownAtMs] = [now, Date.now()]
    tell(worker, `${doing}: ${bytesText(bytes)} read`, { doing, bytes })
    if (Date.now() - grownAtMs > stallMs) stall.abort()
  }
  try {
    return await runCommand(tool.path, args, { cwd: '/', ...backup.runAs, env: await toolEnvironment(backup, name, worker) }, {
      signal: AbortSignal.any([worker.signal, stall.signal]), timeoutMs: options.timeoutMs ?? dayMs, maxOutputBytes: options.maxOutputBytes, graceMs, onBytes,
    })
  } catch (error) {
    if (!stall.signal.aborted || worker.signal.aborted) throw error
    throw new DrillError('backup.stalled', `${doing} read nothing for ${stallMs / 1000} s after ${bytes} bytes, and was ended`)
  }
}

/** What a tool's environment holds; with the repository's passphrase, so it is never part of an input, an output or a log. */
export async function toolEnvironment (backup: Backup, name: string, worker: Pick<Worker, 'secret'>): Promise<Record<string, string>> {
  const passphrase: Record<string, string> = backup.cipherPass === undefined ? {} : { PGBACKREST_REPO1_CIPHER_PASS: await worker.secret(backup.cipherPass) }
  // Plain English and UTC, for their words are parsed.
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...toolOf(backup, name).env, ...passphrase }
}

export function toolOf (backup: Backup, name: string): { path: string, env?: Record<string, string> } {
  const tool = Object.hasOwn(backup.tools, name) ? backup.tools[name] : undefined
  if (!tool) throw new DrillError('control.refused', `"${name}" is not among the backup's tools (${Object.keys(backup.tools).join(', ')}): add it to backup.tools in the environment file`)
  return tool
}

/** Runs pgBackRest on the stanza. Throws what its exit code means; 0 means nothing yet. */
export async function pgBackRest (backup: Backup, args: string[], worker: Worker, options: ToolOptions = {}): Promise<RunResult> {
  const result = await runTool(backup, 'pgbackrest', [
    `--config=${backup.configFile}`, `--stanza=${backup.stanza}`, '--log-level-console=off', '--log-level-stderr=warn', ...args,
  ], worker, { maxOutputBytes: 64 * 1024 * 1024, ...options })
  if (result.truncated) throw new DrillError('backup.unreadable', `pgBackRest said more than 64 MiB to ${args.at(-1)}`)
  if (result.exitCode !== 0) throw asDrillError(args.at(-1)!, result)
  return result
}

/** By pgBackRest's own numbers (its build/error.yaml). */
export function asDrillError (command: string, { exitCode, stderr, stdout }: Pick<RunResult, 'exitCode' | 'stderr' | 'stdout'>): DrillError {
  const all = withoutQuotes(stderr.trim() || stdout)
  const said = `pgBackRest ${command} failed with ${exitCode}: ${lastWords(all) || `exit code ${exitCode}`}`
  // A passphrase opens the catalogue first: where that is open, what cannot be decrypted is damaged.
  const noCatalogue = /unable to load info file/.test(all)
  if (/requires option: repo\d+-cipher-pass/.test(all) || (noCatalogue && /CryptoError/.test(all))) return new DrillError('backup.key', `${keyWords}: ${said}`)
  if (noCatalogue) return new DrillError('backup.unreadable', said)
  if (/\[(Crypto|Format|Checksum)Error\]/.test(all)) return new DrillError('backup.damaged', said)
  switch (exitCode) {
    case 26: case 29: case 55: case 95: return new DrillError('backup.damaged', said)
    case 50: return new DrillError('backup.locked', said)
    case 56: return new DrillError('component.unreachable', said)
    case 75: return new DrillError('backup.missing', said)
    default: return new DrillError('backup.failed', said)
  }
}

export const keyWords = 'The repository’s passphrase is missing or wrong'

/** What pgBackRest quotes of a file that it could not read is noise, and may hold part of a key: a catalogue has one in it. */
export function withoutQuotes (text: string): string {
  return text.replaceAll(/( at line \d+)\b[^\n]*/g, '$1')
}

/** Lines of a tool for one message. */
export function lastWords (text: string): string {
  return text.trim().split('\n').map(line => line.trim()).filter(line => line !== '').slice(-4).join(' / ').slice(-600)
}
