import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { createAbortDrills } from '../activities/abort-drills.js'
import { haltText, type Halt } from '../src/drill/halt.js'
import type { DrillInput } from '../src/drill/input.js'
import type { Person } from '../src/drill/people.js'
import { haltsFor, runningDrills } from '../src/temporal/halts.js'
import { ana, ben, cleo, cut, drillOf, gate, otto, startTemporal, type TestTemporal } from './fixtures/temporal.js'
import { World } from './fixtures/world.js'

let temporal: TestTemporal
let world: World
let worker: { stop: () => Promise<void> }

const activities = (): Record<string, (input: never) => Promise<unknown>> => ({
  ...world.activities(),
  preflight: async (input: DrillInput) => (await haltsFor(temporal.client, input.environment.name)).map(halt => ({ code: 'halt.inForce', message: haltText(halt) })),
  abortDrills: createAbortDrills({ runningDrills: async environment => await runningDrills(temporal.client, environment), abort: async (id, message) => await temporal.door.abort(id, message) }),
})

before(async () => {
  temporal = await startTemporal()
  world = new World()
  const names = Object.keys(activities())
  worker = await temporal.work(Object.fromEntries(names.map(name => [name, async (input: never) => await activities()[name]!(input)])))
})
after(async () => {
  await worker?.stop()
  await temporal?.stop()
})
beforeEach(() => { world = new World() })

const dan: Person = { id: 'dan', name: 'Dan', roles: ['management'] }
const halted = (more: Partial<Halt> = {}): Halt => ({ by: otto, reason: 'a real incident', atMs: Date.now(), door: 'api', ...more })
const refusedWith = async (code: string, message: RegExp, call: Promise<unknown>): Promise<void> => {
  await assert.rejects(call, (error: { code?: string, message: string }) => {
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  })
}
const liftBoth = async (environment?: string): Promise<void> => {
  assert.deepEqual(await temporal.door.lift(environment, { person: ana, reason: 'over' }), { outcome: 'asked' })
  assert.deepEqual(await temporal.door.lift(environment, { person: dan, reason: 'over' }), { outcome: 'lifted' })
}

test('a halt aborts and undoes every drill, refuses new ones by name and reason, until two people lift it', async () => {
  const one = drillOf([cut('a'), gate('go', { deadline: '5m' })])
  const two = drillOf([cut('b'), gate('go', { deadline: '5m' })])
  await Promise.all([temporal.door.start(one), temporal.door.start(two)])
  assert.equal((await temporal.door.halt(halted())).outcome, 'halted')
  for (const input of [one, two]) {
    const result = await temporal.client.workflow.getHandle(input.drillId).result() as { verdict: string, why: string }
    assert.equal(result.verdict, 'aborted')
    assert.match(result.why, /aborted by Otto: halt: everything is halted by Otto since .*: a real incident/)
  }
  assert.equal(world.broken.size, 0)

  await refusedWith('preflight.refused', /everything is halted by Otto since .*: a real incident/, temporal.door.start(drillOf([cut('c')])))
  const again = await temporal.door.halt(halted({ by: ben, reason: 'another' }))
  assert.equal(again.outcome, 'already')
  assert.equal(again.halt.reason, 'a real incident', 'the one in force')

  await refusedWith('auth.forbidden', /lifting it is for commander or management or admin, Otto is none/, temporal.door.lift(undefined, { person: otto, reason: 'over' }))
  assert.deepEqual(await temporal.door.lift(undefined, { person: ana, reason: 'over' }), { outcome: 'asked' })
  await refusedWith('decision.fourEyes', /Ana asked for it, somebody else must confirm/, temporal.door.lift(undefined, { person: ana, reason: 'over' }))
  assert.equal((await temporal.door.halts())[0]?.liftAsked?.by.name, 'Ana')
  await refusedWith('preflight.refused', /halted/, temporal.door.start(drillOf([cut('d')])))
  assert.deepEqual(await temporal.door.lift(undefined, { person: dan, reason: 'over' }), { outcome: 'lifted' })
  await refusedWith('halt.unknown', /everything is not halted/, temporal.door.lift(undefined, { person: dan, reason: 'over' }))
  const free = drillOf([cut('e')])
  await temporal.door.start(free)
  assert.deepEqual(await temporal.client.workflow.getHandle(free.drillId).result(), { verdict: 'passed', why: 'everything is back as it was' })
})

test('a halt of one environment leaves the others alone', async () => {
  const here = drillOf([cut('a'), gate('go', { deadline: '5m' })])
  const there = drillOf([cut('b'), gate('go', { deadline: '5m' })])
  await Promise.all([temporal.door.start(here), temporal.door.start(there)])
  const { name } = here.environment
  await temporal.door.halt(halted({ environment: name }))
  assert.equal((await temporal.client.workflow.getHandle(here.drillId).result() as { verdict: string }).verdict, 'aborted')
  await refusedWith('preflight.refused', new RegExp(`${name} is halted by Otto`), temporal.door.start(drillOf([cut('c')], { environment: here.environment })))
  assert.equal((await temporal.door.status(there.drillId)).phase, 'waiting')
  await temporal.door.decide(there.drillId, { step: 'go', answer: 'approve', person: cleo, door: 'api', key: '1' })
  assert.equal((await temporal.client.workflow.getHandle(there.drillId).result() as { verdict: string }).verdict, 'passed')
  await liftBoth(name)
})

test('a halt needs no worker and no store to be set, to be seen, and to refuse', async () => {
  await worker.stop()
  try {
    assert.equal((await temporal.door.halt(halted())).outcome, 'halted')
    assert.equal((await temporal.door.halts())[0]?.reason, 'a real incident')
    assert.equal((await haltsFor(temporal.client, 'any')).length, 1)
  } finally {
    const names = Object.keys(activities())
    worker = await temporal.work(Object.fromEntries(names.map(name => [name, async (input: never) => await activities()[name]!(input)])))
  }
  await liftBoth()
})
