import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { undoInputOf, owedIn } from '../src/drill/owed.js'
import type { DrillInput } from '../src/drill/input.js'
import { statusOf } from '../src/drill/status.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { eventsOfWorkflow, tornDrills } from '../src/temporal/orphans.js'
import { startReconciler } from '../src/temporal/reconciler.js'
import { cut, drillOf, gate, kill, startTemporal, type TestTemporal } from './fixtures/temporal.js'
import { World } from './fixtures/world.js'

let temporal: TestTemporal
let world: World
let worker: { stop: () => Promise<void> }

before(async () => {
  temporal = await startTemporal()
  const names = Object.keys(new World().activities())
  worker = await temporal.work(Object.fromEntries(names.map(name => [name, async (input: never) => await world.activities()[name]!(input)])))
})
after(async () => {
  await worker?.stop()
  await temporal?.stop()
})
beforeEach(() => {
  world = new World()
  world.holderOf = async environment => await temporal.door.holder(environment)
})

const eventsOf = (input: DrillInput): DrillEvent[] => (world.recorded.get(input.drillId) ?? []).filter(Boolean)
const soon = async (what: string, ask: () => Promise<boolean> | boolean): Promise<void> => {
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 20))) if (await ask()) return
  assert.fail(`never: ${what}`)
}
const reconciled = async (input: DrillInput): Promise<void> => {
  const reconciler = startReconciler({
    everyMs: 100,
    unended: async () => [...world.recorded].filter(([, events]) => !events.some(event => event?.type === 'drill.ended')).map(([drillId]) => ({ drillId })),
    torn: async () => await tornDrills(temporal.client),
    stateOf: async drillId => await temporal.door.stateOf(drillId),
    recorded: async drillId => (world.recorded.get(drillId) ?? []).filter(Boolean),
    missing: async (drillId, after) => await eventsOfWorkflow(temporal.client, drillId, after),
    append: async (drillId, events) => {
      const list = world.recorded.get(drillId) ?? []
      for (const event of events) list[event.seq - 1] ??= event
      world.recorded.set(drillId, list)
    },
    undo: async found => await temporal.door.undo(found),
    log: () => {},
  })
  try {
    await soon('an end on record', () => eventsOf(input).at(-1)?.type === 'drill.ended')
  } finally {
    await reconciler.stop()
  }
}
const torn = async (input: DrillInput): Promise<void> => {
  await temporal.door.start(input)
  await soon('the gate', async () => (await temporal.door.status(input.drillId)).phase === 'waiting')
}

test('a drill that was terminated is undone from its record, in reverse, and gets an end that is never green', async () => {
  const input = drillOf([kill('a'), cut('b'), gate('go', { deadline: '5m' })])
  await torn(input)
  await soon('its record', () => eventsOf(input).some(event => event.type === 'gate.opened'))
  await temporal.client.workflow.getHandle(input.drillId).terminate('a mistake')
  assert.deepEqual([...world.broken].sort(), ['a', 'b'], 'no workflow survives that')
  await reconciled(input)
  assert.equal(world.broken.size, 0)
  assert.deepEqual(world.calls, ['do a', 'do b', 'undo b', 'undo a'])
  const events = eventsOf(input)
  const end = events.at(-1)!
  assert.ok(end.type === 'drill.ended' && end.verdict === 'aborted', 'aborted')
  assert.match(end.why, /its workflow ended without undoing .*what it owed was undone, and proven so/)
  assert.deepEqual(events.map(event => event.seq), events.map((_, index) => index + 1), 'no number is missing or doubled')
  assert.deepEqual(owedIn(events), [])
})

test('one that was terminated while the store was down loses no event: its history still knows them', async () => {
  world.storeIsDown = true
  const input = drillOf([kill('a'), gate('go', { deadline: '5m' })])
  await torn(input)
  await temporal.client.workflow.getHandle(input.drillId).terminate('a mistake')
  assert.deepEqual(eventsOf(input), [])
  world.storeIsDown = false
  await reconciled(input)
  assert.equal(world.broken.size, 0)
  assert.deepEqual(['drill.started', 'undo.owed', 'gate.opened', 'undo.asked', 'undo.finished', 'drill.ended'].filter(type => !eventsOf(input).some(event => event.type === type)), [])
})

test('a drill that runs, or has ended, is left alone', async () => {
  const input = drillOf([kill('a'), gate('go', { deadline: '5m' })])
  await torn(input)
  const asked: string[] = []
  const reconciler = startReconciler({
    everyMs: 600_000,
    unended: async () => [{ drillId: input.drillId }, { drillId: 'long-over' }],
    torn: async () => [],
    stateOf: async drillId => drillId === 'long-over' ? 'over' : await temporal.door.stateOf(drillId),
    recorded: async () => [{ seq: 1, atMs: 1, type: 'drill.ended', verdict: 'passed', why: '' }],
    missing: async () => [],
    append: async () => { asked.push('append') },
    undo: async () => { asked.push('undo') },
    log: () => {},
  })
  await reconciler.look()
  await reconciler.stop()
  assert.deepEqual(asked, [])
  await temporal.client.workflow.getHandle(input.drillId).cancel()
  await temporal.client.workflow.getHandle(input.drillId).result()
})

test('what was left behind can be undone later, once; the verdict stays what it was', async () => {
  const input = drillOf([cut('a')], { runbook: { undoDeadline: '200ms' } })
  world.faults.set('undo a', ['always'])
  await temporal.door.start(input)
  const result = await temporal.client.workflow.getHandle(input.drillId).result() as { verdict: string }
  assert.equal(result.verdict, 'failed')
  assert.equal(statusOf(eventsOf(input))?.leftBehind.length, 1)

  const again = undoInputOf(eventsOf(input), 'asked by Ana')!
  assert.deepEqual(again.entries.map(entry => [entry.id, entry.action]), [['a', 'toxiproxy.cut']])
  world.faults.delete('undo a')
  assert.deepEqual(await temporal.door.undo(again), { outcome: 'undoing' })
  await soon('undone', () => eventsOf(input).some(event => event.type === 'undo.finished'))
  await temporal.client.workflow.getHandle(`undo:${input.drillId}`).result()
  assert.equal(world.broken.size, 0)
  const status = statusOf(eventsOf(input))
  assert.equal(status?.leftBehind.length, 0)
  assert.equal(status.verdict, 'failed')
  assert.equal(eventsOf(input).filter(event => event.type === 'drill.ended').length, 1)
  assert.deepEqual(undoInputOf(eventsOf(input), 'again')?.entries, [])
})

test('two who ask at once start one undoing; it waits for a drill that holds the environment', async () => {
  const before = drillOf([kill('a')], { runbook: { undoDeadline: '200ms' } })
  world.faults.set('undo a', ['always'])
  await temporal.door.start(before)
  await temporal.client.workflow.getHandle(before.drillId).result()
  world.faults.delete('undo a')
  const holder = drillOf([gate('go', { deadline: '5m' })], { environment: before.environment })
  await torn(holder)
  const again = undoInputOf(eventsOf(before), 'asked by Ana')!
  const outcomes = await Promise.all([temporal.door.undo(again), temporal.door.undo(again)])
  assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), ['already', 'undoing'])
  await soon('it is on record', () => eventsOf(before).some(event => event.type === 'undo.asked'))
  assert.ok(world.broken.has('a'), 'not beside the other drill')
  await temporal.client.workflow.getHandle(holder.drillId).cancel()
  await temporal.client.workflow.getHandle(`undo:${before.drillId}`).result()
  assert.equal(world.broken.size, 0)
})
