import assert from 'node:assert/strict'
import { test } from 'node:test'
import { undoInputOf, owedIn } from '../src/drill/owed.js'
import type { DrillInput } from '../src/drill/input.js'
import { statusOf } from '../src/drill/status.js'
import { eventsOfWorkflow, tornDrills } from '../src/temporal/orphans.js'
import { startReconciler } from '../src/temporal/reconciler.js'
import { drillsOfThisFile, soon } from './fixtures/drills.js'
import { cut, drillOf, gate, kill } from './fixtures/temporal.js'

const drills = drillsOfThisFile()
const { eventsOf, result, waitingAt } = drills

const reconciled = async (input: DrillInput): Promise<void> => {
  const reconciler = startReconciler({
    everyMs: 100,
    unended: async () => [...drills.world.recorded].filter(([, events]) => !events.some(event => event?.type === 'drill.ended')).map(([drillId]) => drillId),
    torn: async () => await tornDrills(drills.temporal.client),
    stateOf: async drillId => await drills.temporal.door.stateOf(drillId),
    recorded: async drillId => (drills.world.recorded.get(drillId) ?? []).filter(Boolean),
    missing: async (drillId, after) => await eventsOfWorkflow(drills.temporal.client, drillId, after),
    append: async (drillId, events) => {
      const list = drills.world.recorded.get(drillId) ?? []
      for (const event of events) list[event.seq - 1] ??= event
      drills.world.recorded.set(drillId, list)
    },
    undo: async found => await drills.temporal.door.undo(found),
    log: () => {},
  })
  try {
    await soon('an end on record', () => eventsOf(input).at(-1)?.type === 'drill.ended')
  } finally {
    await reconciler.stop()
  }
}
const torn = async (input: DrillInput): Promise<void> => {
  await drills.temporal.door.start(input)
  await waitingAt(input, 'go')
}

test('a drill that was terminated is undone from its record, in reverse, and gets an end that is never green', async () => {
  const input = drillOf([kill('a'), cut('b'), gate('go', { deadline: '5m' })])
  await torn(input)
  await soon('its record', () => eventsOf(input).some(event => event.type === 'gate.opened'))
  await drills.temporal.client.workflow.getHandle(input.drillId).terminate('a mistake')
  assert.deepEqual([...drills.world.broken].sort(), ['a', 'b'], 'no workflow survives that')
  await reconciled(input)
  assert.equal(drills.world.broken.size, 0)
  assert.deepEqual(drills.world.calls, ['do a', 'do b', 'undo b', 'undo a'])
  const events = eventsOf(input)
  const end = events.at(-1)!
  assert.ok(end.type === 'drill.ended' && end.verdict === 'aborted', 'aborted')
  assert.match(end.why, /its workflow ended without undoing .*what it owed was undone, and proven so/)
  assert.deepEqual(events.map(event => event.seq), events.map((_, index) => index + 1), 'no number is missing or doubled')
  assert.deepEqual(owedIn(events), [])
})

test('one that was terminated while the store was down loses no event: its history still knows them', async () => {
  drills.world.storeIsDown = true
  const input = drillOf([kill('a'), gate('go', { deadline: '5m' })])
  await torn(input)
  await drills.temporal.client.workflow.getHandle(input.drillId).terminate('a mistake')
  assert.deepEqual(eventsOf(input), [])
  drills.world.storeIsDown = false
  await reconciled(input)
  assert.equal(drills.world.broken.size, 0)
  assert.deepEqual(['drill.started', 'undo.owed', 'gate.opened', 'undo.asked', 'undo.finished', 'drill.ended'].filter(type => !eventsOf(input).some(event => event.type === type)), [])
})

test('a drill that runs, or has ended, is left alone', async () => {
  const input = drillOf([kill('a'), gate('go', { deadline: '5m' })])
  await torn(input)
  const asked: string[] = []
  const reconciler = startReconciler({
    everyMs: 600_000,
    unended: async () => [input.drillId, 'long-over'],
    torn: async () => [],
    stateOf: async drillId => drillId === 'long-over' ? 'over' : await drills.temporal.door.stateOf(drillId),
    recorded: async () => [{ seq: 1, atMs: 1, type: 'drill.ended', verdict: 'passed', why: '' }],
    missing: async () => [],
    append: async () => { asked.push('append') },
    undo: async () => { asked.push('undo') },
    log: () => {},
  })
  await reconciler.look()
  await reconciler.stop()
  assert.deepEqual(asked, [])
  await drills.temporal.client.workflow.getHandle(input.drillId).cancel()
  await result(input)
})

test('what was left behind can be undone later, once; the verdict stays what it was', async () => {
  const input = drillOf([cut('a')], { runbook: { undoDeadline: '200ms' } })
  drills.world.faults.set('undo a', ['always'])
  await drills.temporal.door.start(input)
  assert.equal((await result(input)).verdict, 'failed')
  assert.equal(statusOf(eventsOf(input))?.leftBehind.length, 1)

  const again = undoInputOf(eventsOf(input), 'asked by Ana')!
  assert.deepEqual(again.entries.map(entry => [entry.id, entry.action]), [['a', 'toxiproxy.cut']])
  drills.world.faults.delete('undo a')
  assert.deepEqual(await drills.temporal.door.undo(again), { outcome: 'undoing' })
  await soon('undone', () => eventsOf(input).some(event => event.type === 'undo.finished'))
  await drills.temporal.client.workflow.getHandle(`undo:${input.drillId}`).result()
  assert.equal(drills.world.broken.size, 0)
  const status = statusOf(eventsOf(input))
  assert.equal(status?.leftBehind.length, 0)
  assert.equal(status.verdict, 'failed')
  assert.equal(eventsOf(input).filter(event => event.type === 'drill.ended').length, 1)
  assert.deepEqual(undoInputOf(eventsOf(input), 'again')?.entries, [])
})

test('two who ask at once start one undoing; it waits for a drill that holds the environment', async () => {
  const before = drillOf([kill('a')], { runbook: { undoDeadline: '200ms' } })
  drills.world.faults.set('undo a', ['always'])
  await drills.temporal.door.start(before)
  await result(before)
  drills.world.faults.delete('undo a')
  const holder = drillOf([gate('go', { deadline: '5m' })], { environment: before.environment })
  await torn(holder)
  const again = undoInputOf(eventsOf(before), 'asked by Ana')!
  const outcomes = await Promise.all([drills.temporal.door.undo(again), drills.temporal.door.undo(again)])
  assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), ['already', 'undoing'])
  await soon('it is on record', () => eventsOf(before).some(event => event.type === 'undo.asked'))
  assert.ok(drills.world.broken.has('a'), 'not beside the other drill')
  await drills.temporal.client.workflow.getHandle(holder.drillId).cancel()
  await drills.temporal.client.workflow.getHandle(`undo:${before.drillId}`).result()
  assert.equal(drills.world.broken.size, 0)
})
