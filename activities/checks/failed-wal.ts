import type { PostgresNode } from '../../src/drill/environment.js'
import { lsnBytes, type WalEvidence } from '../../src/drill/loss.js'
import { messageOf } from '../../src/errors.js'
import { controlOfNode } from '../postgres/connection.js'

export interface SwitchPoint { switchLsn: string, timeline: number, segmentBytes: number }

const toolMs = 30_000
const outputBytes = 64 * 1024 * 1024

/**
 * The commits that a failed node's own WAL holds at or after the switch. Only of a node that is dead: a running one has been brought
 * back, and its WAL is another one since. Never throws for what cannot be read: it says why.
 */
export async function readFailedWal (node: PostgresNode, { switchLsn, timeline, segmentBytes }: SwitchPoint, signal: AbortSignal): Promise<WalEvidence> {
  try {
    const control = controlOfNode(node)
    if (await control.alive()) return { unreadable: `${node.name} runs: its WAL is no longer the one of the fault` }
    // From the start of the segment that ends with the last common record: what lies before the switch proves that it can be read.
    const start = Math.floor((lsnBytes(switchLsn) - 1) / segmentBytes) * segmentBytes
    const args = ['--path', `${node.dataDir}/pg_wal`, '--timeline', String(timeline), '--start', lsnText(start), '--rmgr', 'Transaction']
    const { exitCode, stdout, stderr, truncated } = await control.run('pg_waldump', args, { signal, timeoutMs: toolMs, maxOutputBytes: outputBytes })
    if (truncated) return { unreadable: `the WAL of ${node.name} after the switch is too long to compare` }
    return parseWaldump(stdout, stderr, exitCode, switchLsn)
  } catch (error) {
    signal.throwIfAborted()
    return { unreadable: `the WAL of ${node.name} cannot be read: ${messageOf(error)}` }
  }
}

/**
 * What pg_waldump said. It always ends in an error where the WAL ends ("invalid record length" and the like), with exit code 1; that
 * end must lie at the switch or after it, or else nothing was proven.
 */
export function parseWaldump (stdout: string, stderr: string, exitCode: number, switchLsn: string): WalEvidence {
  const last = /error in WAL record at ([0-9A-F]+\/[0-9A-F]+): .*?(?: at ([0-9A-F]+\/[0-9A-F]+).*)?$/m.exec(stderr)
  const text = stderr.trim().split('\n').at(-1) ?? ''
  const missing = /could not find file/.test(stderr)
  const commits = [...stdout.matchAll(/^rmgr: Transaction .*?tx: +(\d+), lsn: ([0-9A-F]+\/[0-9A-F]+),.*?desc: COMMIT(?:_PREPARED)? /gm)].map(([, xid, lsn]) => ({ xid: xid!, lsn: lsn! }))
  const end = Math.max(last ? lsnBytes(last[2] ?? last[1]!) : 0, ...commits.slice(-1).map(commit => lsnBytes(commit.lsn)))
  if (exitCode !== 0 && !last && !(missing && commits.length > 0)) return { unreadable: `pg_waldump: ${text || `exit code ${exitCode}`}` }
  if (exitCode !== 0 && end < lsnBytes(switchLsn)) return { unreadable: `the failed node's WAL ends at ${lsnText(end)}, before the switch at ${switchLsn}` }
  return { commits: commits.filter(commit => lsnBytes(commit.lsn) >= lsnBytes(switchLsn)) }
}

function lsnText (bytes: number): string {
  return `${Math.floor(bytes / 2 ** 32).toString(16).toUpperCase()}/${(bytes % 2 ** 32).toString(16).toUpperCase()}`
}
