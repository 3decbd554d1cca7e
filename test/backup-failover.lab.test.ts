import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { handOverWal } from '../activities/postgres/owed-wal.js'
import { restorePair } from '../activities/postgres/restore.js'
import { verifyWhole } from '../activities/postgres/wholeness.js'
import { until } from '../src/control/until.js'
import type { PostgresNode } from '../src/drill/environment.js'
import { act, ask, backupLab, type BackupLab } from './fixtures/backup-lab.js'
import { controlOfNode, query, stepContext } from './fixtures/database-lab.js'

describe('the archive behind a failover', { timeout: 180_000 }, () => {
  let lab: BackupLab
  let pg1: PostgresNode
  let pg2: PostgresNode

  before(async () => {
    lab = await backupLab();
    [pg1, pg2] = lab.database.nodes as [PostgresNode, PostgresNode]
    await act('backup.take', { backup: lab.backup, type: 'full' }, { stepId: 'take' })
  })
  after(async () => { await lab?.down() })

  const archiverOf = async (node: PostgresNode): Promise<number> =>
    (await query<{ pid: number }>(node, "select pid from pg_stat_activity where backend_type = 'archiver'"))[0]!.pid

  /** Ends three segments, and lets the standby have them. @returns their names */
  async function endSegments (): Promise<string[]> {
    const ended: string[] = []
    for (let count = 0; count < 3; count++) {
      await query(pg1, "select pg_logical_emit_message(false, 'test', 'turn')")
      ended.push((await query<{ name: string }>(pg1, 'select pg_walfile_name(pg_switch_wal()) as name'))[0]!.name)
    }
    // Of a segment that it has gone beyond, a standby says that it is done.
    await query(pg1, "select pg_logical_emit_message(false, 'test', 'beyond')")
    await isThere(pg2, ended[2]!, 'done')
    return ended
  }

  async function isThere (node: PostgresNode, segment: string, status: 'done' | 'ready'): Promise<void> {
    const path = `${node.dataDir}/pg_wal/archive_status/${segment}.${status}`
    assert.ok(await until(async () => await controlOfNode(node).hasFile(path) || undefined, { everyMs: 20, deadlineMs: 20_000 }), `${path} is there`)
  }

  async function failOver (): Promise<void> {
    const { database } = lab
    await act('postgres.break', { database, node: 'pg1', fault: 'kill' })
    await act('postgres.fence', { database, node: 'pg1' })
    await act('postgres.promote', { database, node: 'pg2' })
  }

  test('what a full disk took no note of is seen, and archived by the undo', async () => {
    const { database, backup } = lab
    const archiver = await archiverOf(pg1)
    process.kill(archiver, 'SIGSTOP')
    const ended = await endSegments()
    // As PostgreSQL has it where it cannot write the mark: it says so in its log and goes on.
    for (const segment of ended.slice(1)) await controlOfNode(pg1).removeFile(`${pg1.dataDir}/pg_wal/archive_status/${segment}.ready`)
    process.kill(archiver, 'SIGCONT')
    const forgotten = `2 WAL segments up to ${ended[2]}`
    // Each of them counts two seconds after it was ended, so that the first is seen alone for a moment.
    let seen: string | undefined
    await until(async () => {
      seen = (await verifyWhole(database, stepContext())).summary
      return seen.includes(forgotten) || undefined
    }, { everyMs: 100, deadlineMs: 20_000 })
    assert.equal(seen, `pg1 has neither archived nor is to archive ${forgotten}`)
    assert.equal((await ask('backup.archiving', { database, backup })).outcome, 'pass')
    assert.equal((await ask('backup.continuous', { database, backup })).outcome, 'fail', 'the archive has a hole')
    assert.equal(await restorePair(database, stepContext()), `had pg1 archive ${forgotten}, which it had forgotten`)
    for (const segment of ended) await isThere(pg1, segment, 'done')
    assert.equal((await verifyWhole(database, stepContext())).undone, true)
    const whole = await ask('backup.continuous', { database, backup })
    assert.equal(whole.outcome, 'pass', whole.observed)
  })

  test('what the dead primary had archived is not archived again', async () => {
    const ended = await endSegments()
    for (const segment of ended) await isThere(pg1, segment, 'done')
    await failOver()
    const done = await restorePair(lab.database, stepContext(), { home: true })
    assert.match(done, /rewound pg1/)
    assert.doesNotMatch(done, /archive/)
  })

  test('what it had not, the new one archives before it is rewound: also twice, and also where its archiver is slow', async () => {
    const { database, backup } = lab
    process.kill(await archiverOf(pg1), 'SIGSTOP')
    const ended = await endSegments()
    await failOver()
    assert.equal((await ask('backup.archiving', { database, backup })).outcome, 'pass', 'the new one archives')
    const broken = await ask('backup.continuous', { database, backup })
    assert.equal(broken.outcome, 'fail')
    assert.match(broken.observed, new RegExp(`3 segments from ${ended[0]} to ${ended[2]} are missing`))

    const what = `3 WAL segments up to ${ended[2]}, which pg1 had not archived`
    const archiver = await archiverOf(pg2)
    process.kill(archiver, 'SIGSTOP')
    assert.equal(await handOverWal(pg1, pg2, stepContext(), 100), `left it to the archiver of pg2 to archive ${what}`)
    process.kill(archiver, 'SIGCONT')
    for (const segment of ended) await isThere(pg2, segment, 'done')
    assert.match(await restorePair(database, stepContext(), { home: true }), new RegExp(`archived ${what}, rewound pg1`))
    const whole = await ask('backup.continuous', { database, backup })
    assert.equal(whole.outcome, 'pass', whole.observed)
  })

  // The last one: the archive may keep its hole, and pg2 the primary.
  test('where that cannot be, the pair is whole again all the same, and it is said', async () => {
    process.kill(await archiverOf(pg1), 'SIGSTOP')
    await endSegments()
    await failOver()
    const unable = { ...pg2, dataDir: '/nonexistent' }
    assert.match(await restorePair({ ...lab.database, nodes: [pg1, unable] }, stepContext()), /could not hand over the WAL that pg1 had not archived \(ENOENT.*\), rewound pg1/)
    assert.equal((await verifyWhole(lab.database, stepContext())).undone, true)
  })
})
