import { DrillError, messageOf } from '../../src/errors.js'
import type { PostgresNode } from '../../src/drill/environment.js'
import { controlOfNode, withClient, type Reach } from './connection.js'
import { controlData } from './control-data.js'
import { handOverWal } from './owed-wal.js'
import { followerOf, standbySignal, type SeenNode } from './pair.js'
import { ensureSlot, waitForStandby } from './standby.js'

/** A standby that can follow is there within a second; one that cannot says so nowhere but in its log. */
const followMs = 10_000
const rewoundMs = 30_000

/**
 * Makes one node a streaming, readable standby of the primary, from whatever state it is in, and never as anything else: only a
 * node that has `standby.signal` is started or thawed here. Returns what was done.
 */
export async function rejoin (seen: SeenNode, primary: SeenNode, reach: Reach): Promise<string | undefined> {
  const { node } = seen
  const control = controlOfNode(node)
  if (seen.role === 'standby' && followerOf(primary, node)?.state === 'streaming') return undefined
  const isStandby = seen.role === 'standby' || seen.marked === true
  if (isStandby) {
    await withClient(primary.node, reach, client => ensureSlot(client, node))
    if (seen.state === 'frozen') await control.thaw()
    else if (seen.role === 'down') {
      await control.unblock()
      await control.start()
    }
    if (await waitForStandby(node, primary.node, reach, followMs)) return seen.role === 'standby' ? `${node.name} streams again` : `brought ${node.name} back as a standby`
  }
  await refuseNewer(node, primary)
  const handedOver = await rewind(node, primary.node, reach)
  if (!await waitForStandby(node, primary.node, reach, rewoundMs)) {
    throw new DrillError('component.unexpected', `${node.name} was rewound and started, but does not stream from ${primary.node.name}`)
  }
  return [handedOver, `rewound ${node.name} and brought it back as a standby of ${primary.node.name}`].filter(Boolean).join(', ')
}

/**
 * A node whose WAL knows a later timeline than the primary's was promoted after it: rewinding it would throw the newest writes away.
 */
async function refuseNewer (node: PostgresNode, primary: SeenNode): Promise<void> {
  const control = controlOfNode(node)
  for (let timeline = primary.timeline! + 1; timeline <= primary.timeline! + 4; timeline++) {
    if (await control.hasFile(`${node.dataDir}/pg_wal/${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`)) {
      throw new DrillError('splitBrain.prevented', `${node.name} was promoted to timeline ${timeline}, after ${primary.node.name} (timeline ${primary.timeline}): it is not rewound`)
    }
  }
}

/**
 * From any state: dead first, blocked until it is a standby again. Each part can be repeated, and killed between any two.
 * @returns what was done about WAL that nobody would have archived any more
 */
async function rewind (node: PostgresNode, source: PostgresNode, reach: Reach): Promise<string | undefined> {
  const control = controlOfNode(node)
  // One that an earlier try began must not be torn: what it has removed by then, a second one would need.
  await control.ended('pg_rewind', node.dataDir, { signal: reach.signal })
  await control.block()
  await control.kill()
  await control.clean()
  let handedOver: string | undefined
  if (!await isRewound(node, reach)) {
    handedOver = await handOverWal(node, source, reach).catch((error: unknown) => {
      reach.signal.throwIfAborted()
      // The pair comes first: whether the archive has a hole, a check of the backup tells.
      return `could not hand over the WAL that ${node.name} had not archived (${messageOf(error)})`
    })
    // pg_rewind's crash recovery is a single-user server, which refuses to be a standby.
    await control.removeFile(standbySignal(node))
    await withClient(source, reach, async client => {
      await ensureSlot(client, node)
      // Until its first checkpoint a promoted server's control file names the old timeline, and pg_rewind finds nothing to do.
      await client.query('checkpoint')
    }, { queryMs: 30_000 })
    await runRewind(node, source, reach)
  }
  await control.createFile(standbySignal(node))
  await control.unblock()
  await control.start()
  return handedOver
}

/**
 * Whether pg_rewind has come to its end, whose last acts are a backup label and this state in the control file: no server leaves
 * both with `standby.signal` absent. Another pg_rewind would let it recover as a primary first, and spoil it.
 */
async function isRewound (node: PostgresNode, reach: Reach): Promise<boolean> {
  const control = controlOfNode(node)
  if (await control.hasFile(standbySignal(node)) || !await control.hasFile(`${node.dataDir}/backup_label`)) return false
  return (await controlData(node, reach)).state === 'in archive recovery'
}

async function runRewind (node: PostgresNode, source: PostgresNode, reach: Reach): Promise<void> {
  const control = controlOfNode(node)
  // A blocked node's file has another name, and serves as well.
  const file = node.configFile !== undefined && !await control.hasFile(node.configFile) ? `${node.configFile}.blocked` : node.configFile
  const user = node.rewindUser ?? source.user
  const args = [
    '-D', node.dataDir,
    '--source-server', conninfo({ host: source.host, port: String(source.port), user, dbname: 'postgres', connect_timeout: '5' }),
    ...(file === undefined ? [] : ['--config-file', file]),
    '--restore-target-wal', '--no-sync',
  ]
  const password = user === source.user && source.password !== undefined ? { PGPASSWORD: await reach.secret(source.password) } : undefined
  const result = await control.run('pg_rewind', args, { signal: reach.signal, env: password, outlives: node.dataDir, timeoutMs: 10 * 60_000 })
  if (result.exitCode !== 0) {
    const words = `${result.stdout}\n${result.stderr}`.trim().split('\n').filter(line => /error|fatal/i.test(line)).slice(-2).join(' / ')
    throw new DrillError('component.unexpected', `pg_rewind of ${node.name} failed with ${result.exitCode}: ${words.slice(0, 400)}`)
  }
}

function conninfo (values: Record<string, string>): string {
  return Object.entries(values).map(([key, value]) => `${key}='${value.replaceAll(/['\\]/g, '\\$&')}'`).join(' ')
}
