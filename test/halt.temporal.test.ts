import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAbortDrills } from '../activities/abort-drills.js'
import { haltText, type Halt } from '../src/drill/halt.js'
import type { DrillInput } from '../src/drill/input.js'
import type { Person } from '../src/drill/people.js'
import { haltsFor, runningDrills } from '../src/temporal/halts.js'
import { drillsOfThisFile, refusedWith } from './fixtures/drills.js'
import { ana, ben, cleo, cut, drillOf, gate, otto } from './fixtures/temporal.js'

const drills = drillsOfThisFile(({ temporal }) => ({
  preflight: async (input: DrillInput) => (await haltsFor(temporal.client, input.environment.name)).map(halt => ({ code: 'halt.inForce', message: haltText(halt) })),
  abortDrills: createAbortDrills({
    runningDrills: async environment => await runningDrills(temporal.client, environment),
    abort: async (id, message) => await temporal.door.abort(id, message),
  }),
}))
const { result } = drills

const dan: Person = { id: 'dan', name: 'Dan', roles: ['management'] }
const halted = (more: Partial<Halt> = {}): Halt => ({ by: otto, reason: 'a real incident', atMs: Date.now(), door: 'api', ...more })
const liftBoth = async (environment?: string): Promise<void> => {
  assert.deepEqual(await drills.temporal.door.lift(environment, { person: ana, reason: 'over' }), { outcome: 'asked' })
  assert.deepEqual(await drills.temporal.door.lift(environment, { person: dan, reason: 'over' }), { outcome: 'lifted' })
}

test('a halt aborts and undoes every drill, refuses new ones by name and reason, until two people lift it', async () => {
  const one = drillOf([cut('a'), gate('go', { deadline: '5m' })])
  const two = drillOf([cut('b'), gate('go', { deadline: '5m' })])
  await Promise.all([drills.temporal.door.start(one), drills.temporal.door.start(two)])
  assert.equal((await drills.temporal.door.halt(halted())).outcome, 'halted')
  for (const input of [one, two]) {
    const { verdict, why } = await result(input)
    assert.equal(verdict, 'aborted')
    assert.match(why, /aborted by Otto: halt: everything is halted by Otto since .*: a real incident/)
  }
  assert.equal(drills.world.broken.size, 0)

  await refusedWith('preflight.refused', /everything is halted by Otto since .*: a real incident/, drills.temporal.door.start(drillOf([cut('c')])))
  const again = await drills.temporal.door.halt(halted({ by: ben, reason: 'another' }))
  assert.equal(again.outcome, 'already')
  assert.equal(again.halt.reason, 'a real incident', 'the one in force')

  await refusedWith('auth.forbidden', /lifting it is for commander or management or admin, Otto is none/, drills.temporal.door.lift(undefined, { person: otto, reason: 'over' }))
  assert.deepEqual(await drills.temporal.door.lift(undefined, { person: ana, reason: 'over' }), { outcome: 'asked' })
  await refusedWith('decision.fourEyes', /Ana asked for it, somebody else must confirm/, drills.temporal.door.lift(undefined, { person: ana, reason: 'over' }))
  assert.equal((await drills.temporal.door.halts())[0]?.liftAsked?.by.name, 'Ana')
  await refusedWith('preflight.refused', /halted/, drills.temporal.door.start(drillOf([cut('d')])))
  assert.deepEqual(await drills.temporal.door.lift(undefined, { person: dan, reason: 'over' }), { outcome: 'lifted' })
  await refusedWith('halt.unknown', /everything is not halted/, drills.temporal.door.lift(undefined, { person: dan, reason: 'over' }))
  const free = drillOf([cut('e')])
  await drills.temporal.door.start(free)
  assert.deepEqual(await result(free), { verdict: 'passed', why: 'everything is back as it was' })
})

test('a halt of one environment leaves the others alone', async () => {
  const here = drillOf([cut('a'), gate('go', { deadline: '5m' })])
  const there = drillOf([cut('b'), gate('go', { deadline: '5m' })])
  await Promise.all([drills.temporal.door.start(here), drills.temporal.door.start(there)])
  const { name } = here.environment
  await drills.temporal.door.halt(halted({ environment: name }))
  assert.equal((await result(here)).verdict, 'aborted')
  await refusedWith('preflight.refused', new RegExp(`${name} is halted by Otto`), drills.temporal.door.start(drillOf([cut('c')], { environment: here.environment })))
  assert.equal((await drills.temporal.door.status(there.drillId)).phase, 'waiting')
  await drills.temporal.door.decide(there.drillId, { step: 'go', answer: 'approve', person: cleo, door: 'api', key: '1' })
  assert.equal((await result(there)).verdict, 'passed')
  await liftBoth(name)
})

test('a halt needs no worker and no store to be set, to be seen, and to refuse', async () => {
  await drills.stopWorker()
  try {
    assert.equal((await drills.temporal.door.halt(halted())).outcome, 'halted')
    assert.equal((await drills.temporal.door.halts())[0]?.reason, 'a real incident')
    assert.equal((await haltsFor(drills.temporal.client, 'any')).length, 1)
  } finally {
    await drills.work()
  }
  await liftBoth()
})
