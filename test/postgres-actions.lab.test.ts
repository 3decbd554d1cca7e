import { after, afterEach, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { askHaproxy, haproxySwitch, leadsTo, serverStates } from '../activities/haproxy.js'
import { postgresBreak } from '../activities/postgres/break.js'
import { postgresFence } from '../activities/postgres/fence.js'
import { lookAtPair } from '../activities/postgres/pair.js'
import { postgresPromote } from '../activities/postgres/promote.js'
import { restorePair } from '../activities/postgres/restore.js'
import { promiseSynchronous } from '../activities/postgres/standby.js'
import { defectsOf } from '../activities/postgres/wholeness.js'
import { until } from '../src/control/until.js'
import { DrillError } from '../src/errors.js'
import type { DatabaseCluster, PostgresNode } from '../src/drill/environment.js'
import { controlOfNode, databaseLab, query, stepContext, watchForSplitBrain, writeThrough, type DatabaseLab } from './fixtures/database-lab.js'

const code = (wanted: string) => (error: unknown): boolean => error instanceof DrillError && error.code === wanted
const context = stepContext

describe('actions on a database', { timeout: 180_000 }, () => {
  let lab: DatabaseLab
  let database: DatabaseCluster
  let pg1: PostgresNode
  let pg2: PostgresNode
  let watch: ReturnType<typeof watchForSplitBrain>

  before(async () => {
    lab = await databaseLab()
    database = lab.database
    pg1 = database.nodes[0]!
    pg2 = database.nodes[1]!
    await query(pg1, 'create table action_test (seq bigint primary key)')
    watch = watchForSplitBrain(database)
  })
  // Whatever a test did: the pair is whole again, at home.
  afterEach(async () => {
    const { defects } = await defectsOf(database, context(), { home: true })
    if (defects.length > 0) await restorePair(database, context(), { home: true })
    assert.deepEqual(defects, [])
  })
  after(async () => {
    const moments = await watch?.stop()
    await lab?.down()
    assert.deepEqual(moments, [], 'at no moment two servers took writes')
  })

  const roles = async (): Promise<Record<string, string>> => Object.fromEntries((await lookAtPair(database, context())).map(one => [one.node.name, one.role]))

  async function failOver (fault: 'kill' | 'kill-postmaster' | 'freeze' = 'kill'): Promise<void> {
    await postgresBreak.do({ database, node: 'pg1', fault }, context())
    await postgresFence.do({ database, node: 'pg1' }, context())
    await postgresPromote.do({ database, node: 'pg2' }, context())
    await haproxySwitch.do({ database, to: 'pg2' }, context())
  }

  /** As a drill unwinds: in reverse, each undo believed only when its verification says so. */
  async function unwind (fault: 'kill' | 'kill-postmaster' | 'freeze' = 'kill'): Promise<void> {
    const steps = [
      [haproxySwitch, { database, to: 'pg2' }], [postgresPromote, { database, node: 'pg2' }],
      [postgresFence, { database, node: 'pg1' }], [postgresBreak, { database, node: 'pg1', fault }],
    ] as const
    for (const [action, input] of steps) {
      await action.undo(input as never, context())
      const { undone, summary } = await action.verify(input as never, context())
      assert.equal(undone, true, summary)
    }
  }

  it('a failover and its failback lose no acknowledged write', async () => {
    const writer = writeThrough(database)
    const moreThan = async (count: number): Promise<void> => {
      assert.ok(await until(() => writer.acked.length > count || undefined, { everyMs: 5, deadlineMs: 20_000 }), `${writer.acked.length} writes, ${count} of them before`)
    }
    await moreThan(100)
    const beats = context()
    const { faultAtMs } = await postgresBreak.do({ database, node: 'pg1', fault: 'kill' }, beats)
    assert.deepEqual(beats.beats, [{ faultAtMs }])
    await postgresFence.do({ database, node: 'pg1' }, context())
    const promoted = await postgresPromote.do({ database, node: 'pg2' }, context())
    await haproxySwitch.do({ database, to: 'pg2' }, context())
    assert.ok((promoted.output.timeline as number) > 1)
    await moreThan(writer.acked.length + 100)
    await unwind()
    await moreThan(writer.acked.length + 100)
    await writer.stop()
    const there = new Set((await query<{ seq: string }>(pg1, 'select seq from action_test')).map(row => Number(row.seq)))
    assert.equal(writer.acked.filter(({ seq }) => !there.has(seq)).length, 0)
    // What it promised as a primary would hold up its next promotion.
    const isFree = await until(async () => (await query<{ names: string }>(pg2, "select current_setting('synchronous_standby_names') as names"))[0]!.names === '' || undefined, { everyMs: 10, deadlineMs: 20_000 })
    assert.ok(isFree, 'pg2 still promises to wait for a standby')
  })

  it('each action twice is as once, and each undo twice', async () => {
    const first = await postgresBreak.do({ database, node: 'pg1', fault: 'kill' }, context())
    const again = await postgresBreak.do({ database, node: 'pg1', fault: 'kill' }, context({ previous: { faultAtMs: first.faultAtMs } }))
    assert.equal(again.faultAtMs, first.faultAtMs, 'a retry gives the time of the first strike')
    for (let time = 0; time < 2; time++) await postgresFence.do({ database, node: 'pg1' }, context())
    const promoted = await postgresPromote.do({ database, node: 'pg2' }, context())
    assert.deepEqual((await postgresPromote.do({ database, node: 'pg2' }, context())).output, { node: 'pg2', already: true, timeline: promoted.output.timeline, promoteMs: 0 })
    for (let time = 0; time < 2; time++) await haproxySwitch.do({ database, to: 'pg2' }, context())
    await unwind()
    await unwind()
    assert.deepEqual(await roles(), { pg1: 'primary', pg2: 'standby' })
  })

  it('a standby whose connection breaks in the middle of the undo is waited for', async () => {
    await query(pg1, 'alter system reset synchronous_standby_names')
    await query(pg1, 'select pg_reload_conf()')
    const isFree = await until(async () => (await query<{ names: string }>(pg1, "select current_setting('synchronous_standby_names') as names"))[0]!.names === '' || undefined, { everyMs: 5, deadlineMs: 20_000 })
    assert.ok(isFree)
    assert.equal((await query(pg1, 'select pg_terminate_backend(pid) from pg_stat_replication')).length, 1)
    assert.equal(await promiseSynchronous(pg1, context()), true)
    assert.equal(await promiseSynchronous(pg1, context()), false, 'twice is as once')
  })

  it('a frozen primary is killed by its fence and never thawed', async () => {
    await failOver('freeze')
    assert.equal(await controlOfNode(pg1).state(), 'dead')
    await unwind('freeze')
  })

  it('a promotion is refused while the other node takes writes, is frozen, or could be started', async () => {
    await assert.rejects(postgresPromote.do({ database, node: 'pg2' }, context()), code('splitBrain.prevented'))
    await postgresBreak.do({ database, node: 'pg1', fault: 'freeze' }, context())
    await assert.rejects(postgresPromote.do({ database, node: 'pg2' }, context()), code('splitBrain.prevented'))
    await postgresBreak.do({ database, node: 'pg1', fault: 'kill' }, context())
    await assert.rejects(postgresPromote.do({ database, node: 'pg2' }, context()), code('splitBrain.prevented'))
    assert.deepEqual(await roles(), { pg1: 'down', pg2: 'standby' })
    await postgresBreak.undo({ database, node: 'pg1', fault: 'kill' }, context())
  })

  it('without a promotion the undo brings the broken primary back as it was', async () => {
    for (const fault of ['kill', 'kill-postmaster', 'freeze'] as const) {
      const before = (await lookAtPair(database, context()))[0]!.timeline
      await postgresBreak.do({ database, node: 'pg1', fault }, context())
      assert.equal((await postgresBreak.verify({ database, node: 'pg1', fault }, context())).undone, false)
      await postgresBreak.undo({ database, node: 'pg1', fault }, context())
      const { undone, summary } = await postgresBreak.verify({ database, node: 'pg1', fault }, context())
      assert.equal(undone, true, summary)
      assert.equal((await lookAtPair(database, context()))[0]!.timeline, before)
    }
    await postgresFence.do({ database, node: 'pg1' }, context())
    assert.equal((await postgresFence.verify({ database, node: 'pg1' }, context())).undone, false)
    await postgresFence.undo({ database, node: 'pg1' }, context())
    assert.equal((await postgresFence.verify({ database, node: 'pg1' }, context())).undone, true)
  })

  it('a broken standby, and both nodes broken at once, come back in any order of undo', async () => {
    await postgresBreak.do({ database, node: 'pg2', fault: 'kill' }, context())
    await postgresBreak.undo({ database, node: 'pg2', fault: 'kill' }, context())
    assert.equal((await postgresBreak.verify({ database, node: 'pg2', fault: 'kill' }, context())).undone, true)
    await postgresBreak.do({ database, node: 'pg2', fault: 'freeze' }, context())
    await postgresBreak.do({ database, node: 'pg1', fault: 'kill' }, context())
    await postgresBreak.undo({ database, node: 'pg2', fault: 'freeze' }, context())
    assert.deepEqual(await roles(), { pg1: 'primary', pg2: 'standby' })
  })

  it('a promoted node that dies too comes back as the primary, not the fenced one', async () => {
    await failOver()
    await query(pg2, 'insert into action_test (seq) values (-1)')
    await postgresBreak.do({ database, node: 'pg2', fault: 'kill' }, context())
    await postgresBreak.undo({ database, node: 'pg2', fault: 'kill' }, context())
    assert.deepEqual(await roles(), { pg1: 'standby', pg2: 'primary' })
    await unwind()
    assert.equal((await query(pg1, 'select 1 from action_test where seq = -1')).length, 1)
  })

  it('where the other node cannot be asked, nothing is started', async () => {
    const mute = { ...pg2, port: 1, control: { kind: 'docker' as const, socket: '/nonexistent/docker.sock', labels: { a: 'b' } } }
    const blinded = { ...database, nodes: [pg1, mute] }
    await postgresBreak.do({ database, node: 'pg1', fault: 'kill' }, context())
    await assert.rejects(postgresBreak.undo({ database: blinded, node: 'pg1', fault: 'kill' }, context()), code('splitBrain.prevented'))
    await assert.rejects(postgresPromote.undo({ database: blinded, node: 'pg2' }, context()), code('splitBrain.prevented'))
    assert.equal(await controlOfNode(pg1).state(), 'dead')
    await postgresPromote.undo({ database, node: 'pg2' }, context())
  })

  it('where each of two dead nodes would come up as a primary, none is started; and a newer primary is not rewound', async () => {
    await failOver()
    await query(pg2, 'insert into action_test (seq) values (-2)')
    await postgresBreak.do({ database, node: 'pg2', fault: 'kill' }, context())
    await controlOfNode(pg1).unblock()
    await assert.rejects(postgresBreak.undo({ database, node: 'pg2', fault: 'kill' }, context()), code('splitBrain.prevented'))
    assert.deepEqual(await roles(), { pg1: 'down', pg2: 'down' })
    // Somebody starts the old one by hand.
    await controlOfNode(pg1).start()
    await assert.rejects(postgresBreak.undo({ database, node: 'pg2', fault: 'kill' }, context()), code('splitBrain.prevented'))
    assert.equal((await roles()).pg2, 'down')
    await controlOfNode(pg1).block()
    await controlOfNode(pg1).kill()
    await postgresPromote.undo({ database, node: 'pg2' }, context())
    assert.equal((await query(pg1, 'select 1 from action_test where seq = -2')).length, 1)
  })

  it('an undo that is killed at any moment goes on when it is tried again', async () => {
    for (const afterMs of [60, 400, 800, 1_100, 1_400, 1_700]) {
      await failOver()
      await query(pg2, 'insert into action_test (seq) values ($1)', [-100 - afterMs])
      // A quick machine may be done by then: that too must be right.
      await postgresPromote.undo({ database, node: 'pg2' }, context({ signal: AbortSignal.timeout(afterMs) })).catch(() => {})
      await postgresPromote.undo({ database, node: 'pg2' }, context())
      const { undone, summary } = await postgresPromote.verify({ database, node: 'pg2' }, context())
      assert.equal(undone, true, `killed after ${afterMs} ms: ${summary}`)
      assert.equal((await query(pg1, 'select 1 from action_test where seq = $1', [-100 - afterMs])).length, 1)
    }
  })

  it('a switchover that was killed between its mark and the promotion is finished', async () => {
    await failOver()
    await postgresBreak.undo({ database, node: 'pg1', fault: 'kill' }, context())
    await controlOfNode(pg2).stop()
    await controlOfNode(pg2).createFile(`${pg2.dataDir}/standby.signal`)
    assert.deepEqual(await roles(), { pg1: 'standby', pg2: 'down' })
    assert.match(await postgresPromote.undo({ database, node: 'pg2' }, context()), /finished the switchover to pg1/)
  })

  it('a node that diverged and is marked as a standby all the same is rewound', async () => {
    await failOver()
    await controlOfNode(pg1).createFile(`${pg1.dataDir}/standby.signal`)
    await controlOfNode(pg1).unblock()
    await unwind()
  })

  it('roles stay swapped where the environment allows it', async () => {
    const relaxed = { ...database, swappedRolesAllowed: true }
    await failOver()
    assert.equal((await postgresPromote.verify({ database: relaxed, node: 'pg2' }, context())).undone, false, 'pg1 does not stream yet')
    await postgresPromote.undo({ database: relaxed, node: 'pg2' }, context())
    assert.equal((await postgresPromote.verify({ database: relaxed, node: 'pg2' }, context())).undone, true)
    assert.equal((await postgresPromote.verify({ database, node: 'pg2' }, context())).undone, false, 'home is another one')
    assert.deepEqual(await roles(), { pg1: 'standby', pg2: 'primary' })
    await unwind()
  })

  it('no verification passes while something is amiss', async () => {
    const amiss = async (): Promise<string> => (await defectsOf(database, context(), { home: true })).defects.join('; ')
    assert.equal(await amiss(), '')
    await askHaproxy(database.loadBalancer.socket, ['set server db/pg1 state maint', 'set server db/pg2 state ready'], context())
    assert.match(await amiss(), /the endpoint leads to pg2/)
    await haproxySwitch.undo({ database, to: 'pg2' }, context())
    await query(pg1, 'alter system set synchronous_standby_names = \'\'')
    await query(pg1, 'select pg_reload_conf()')
    assert.ok(await until(async () => /no standby is synchronous/.test(await amiss()) || undefined, { everyMs: 20, deadlineMs: 20_000 }))
    await controlOfNode(pg2).block()
    assert.match(await amiss(), /pg2 is blocked/)
    await restorePair(database, context(), { home: true })
  })

  it('the endpoint’s undo follows the primary, keeps the switch over a restart, and refuses where there is none', async () => {
    await haproxySwitch.do({ database, to: 'pg1' }, context())
    assert.match(readFileSync(database.loadBalancer.stateFile!, 'utf8'), /pg1/)
    await askHaproxy(database.loadBalancer.socket, ['set server db/pg1 state maint'], context())
    assert.equal((await haproxySwitch.verify({ database, to: 'pg1' }, context())).undone, false)
    await haproxySwitch.undo({ database, to: 'pg2' }, context())
    assert.equal(leadsTo(await serverStates(database, context()), 'pg1'), true)
    await postgresBreak.do({ database, node: 'pg1', fault: 'kill' }, context())
    await assert.rejects(haproxySwitch.undo({ database, to: 'pg2' }, context()), code('component.unexpected'))
    await postgresBreak.undo({ database, node: 'pg1', fault: 'kill' }, context())
    await assert.rejects(haproxySwitch.do({ database, to: 'pg3' }, context()), code('input.invalid'))
    const elsewhere = { ...database, loadBalancer: { ...database.loadBalancer, backend: 'none' } }
    await assert.rejects(haproxySwitch.do({ database: elsewhere, to: 'pg1' }, context()), code('component.unexpected'))
    await assert.rejects(haproxySwitch.do({ database: { ...database, loadBalancer: { ...database.loadBalancer, socket: '/nonexistent' } }, to: 'pg1' }, context()), code('component.unreachable'))
  })

  it('nothing of an undo stays: no slot that nobody uses, no mark on the primary', async () => {
    await failOver()
    await unwind()
    assert.deepEqual(await query(pg1, 'select slot_name::text, active from pg_replication_slots'), [{ slot_name: 'pg2', active: true }])
    assert.deepEqual(await query(pg2, 'select slot_name::text from pg_replication_slots'), [])
    assert.equal(existsSync(`${pg1.dataDir}/standby.signal`), false)
  })
})
