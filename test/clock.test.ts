import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { outageOf, recoveryClock, waitingFor } from '../src/drill/clock.js'
import type { EventBody } from '../src/drill/timeline.js'
import { ana, drillEvents, drillStart, numbered, observation } from './fixtures/events.js'

type Line = [number, EventBody]
const fault = (at: number): Line => [at + 5, { type: 'fault.struck', step: 'break', faultAtMs: at }]
const down = (from: number, confirmed = from + 200, target = 'database'): Line => [confirmed, { type: 'probe.down', target, firstFailedAtMs: from, confirmedAtMs: confirmed, error: 'refused' }]
const up = (from: number, confirmed = from + 200, target = 'database'): Line => [confirmed, { type: 'probe.up', target, firstGoodAtMs: from, confirmedAtMs: confirmed }]
const noticed = (at: number): Line => [at, { type: 'outage.detected', source: 'alert', detectedAtMs: at, by: 'alert DatabaseDown' }]
const opened = (at: number, step = 'gate'): Line => [at, { type: 'gate.opened', step, title: step, effect: 'x', roles: ['approver'], approvals: 1, deadlineAtMs: 1e9, onTimeout: 'abort' }]
const closed = (at: number, step = 'gate'): Line => [at, { type: 'gate.closed', step, outcome: 'approved' }]
const asked = (at: number, step = 'task'): Line => [at, { type: 'task.opened', step, instructions: 'do it', role: 'engineer', deadlineAtMs: 1e9 }]
const finished = (at: number, step = 'task'): Line => [at, { type: 'step.finished', step, outcome: 'passed', summary: 'done' }]
const signed = (at: number, outcome: 'pass' | 'fail' = 'pass', signOff = true): Line => [at, { type: 'check.answered', step: 'invariants', check: 'postgres.invariants', outcome, observed: '', expected: '', signOff }]
/** In the order in which they were recorded. */
const clock = (...lines: Line[]) => recoveryClock(numbered(0, lines.sort(([a], [b]) => a - b)))
const outage = (...lines: Line[]) => outageOf(numbered(0, lines.sort(([a], [b]) => a - b)))

test('a whole recovery: every moment and every length', () => {
  const { faultAtMs, startedAtMs, detectedAtMs, recoveredAtMs, signedOffAtMs, ...lengths } = recoveryClock(drillEvents('passed'))
  const fault = drillStart + 4600
  assert.deepEqual([faultAtMs, startedAtMs, detectedAtMs, recoveredAtMs, signedOffAtMs].map(atMs => atMs! - fault), [0, 90, 1490, 11_850, 13_240])
  assert.deepEqual(lengths, {
    injectionLagMs: 90,
    ttdMs: 1400,
    detectedBy: 'alert DatabaseDown',
    decisionMs: 8210,
    workMs: 2150,
    verificationMs: 1390,
    rtaTechnicalMs: 11_760,
    rtaTechnicalWithoutWaitingMs: 3550,
    rtaBusinessMs: 13_150,
    rtaBusinessWithoutWaitingMs: 4940,
    faultToFirstWriteMs: 11_780,
    errorMs: 100,
  })
})

test('without an outage there is no recovery time, and nothing that would be a part of one', () => {
  for (const lines of [[fault(10), noticed(50), signed(900)], [opened(5), closed(80)], []]) {
    const { startedAtMs, rtaTechnicalMs, rtaBusinessMs, ttdMs, decisionMs, workMs, verificationMs, recoveredAtMs } = clock(...lines)
    assert.deepEqual([startedAtMs, rtaTechnicalMs, rtaBusinessMs, ttdMs, decisionMs, workMs, verificationMs, recoveredAtMs], Array(8).fill(undefined))
  }
})

test('while the outage lasts there is a beginning and no end', () => {
  const { startedAtMs, ttdMs, recoveredAtMs, rtaTechnicalMs, decisionMs } = clock(fault(100), down(150), noticed(500), opened(600))
  assert.deepEqual([startedAtMs, ttdMs, recoveredAtMs, rtaTechnicalMs, decisionMs], [150, 350, undefined, undefined, undefined])
})

test('a flicker before the fault is not the outage', () => {
  assert.deepEqual(outage(down(10, 30), up(50, 70), fault(1000), down(1100), up(2000)), { from: 1100, to: 2000 })
  assert.equal(outage(down(10, 30), up(50, 70), fault(1000)), undefined)
})

test('the blip of a failback is not the outage', () => {
  assert.deepEqual(outage(fault(1000), down(1100), up(2000), down(9000), up(9500)), { from: 1100, to: 2000 })
  assert.deepEqual(outage(fault(1000), down(1100), up(2000), down(9000)), { from: 1100, to: 2000 })
})

test('the outage lasts until every target that failed is good, whatever order they are confirmed in', () => {
  assert.deepEqual(outage(down(100, 200, 'database'), down(90, 210, 'shop'), up(500, 600, 'database'), up(800, 900, 'shop')), { from: 90, to: 800 })
  assert.deepEqual(outage(down(100, 200, 'database'), down(90, 210, 'shop'), up(500, 600, 'database'), up(450, 700, 'shop')), { from: 90, to: 500 })
  assert.deepEqual(outage(down(100, 200, 'database'), down(90, 210, 'shop'), up(500, 600, 'database')), { from: 90 })
})

test('a slow target that failed before the others were good again prolongs the outage, though it is confirmed later', () => {
  assert.deepEqual(outage(down(100, 200), up(500, 600), down(300, 3300, 'shop'), up(4000, 5000, 'shop')), { from: 100, to: 4000 })
  assert.deepEqual(outage(down(100, 200), up(500, 600), down(300, 3300, 'shop')), { from: 100 })
})

test('a target that fails again while another is still down is the same outage', () => {
  assert.deepEqual(outage(down(100), down(100, 310, 'shop'), up(500), down(800), up(1200), up(1000, 1500, 'shop')), { from: 100, to: 1200 })
})

test('two gates at once are counted once', () => {
  const waits = (...lines: Line[]): number | undefined => clock(down(0, 5), noticed(10), up(1000, 1100), ...lines).decisionMs
  assert.equal(waits(opened(100, 'a'), opened(200, 'b'), closed(300, 'a'), closed(500, 'b')), 400)
  assert.equal(waits(opened(100, 'a'), opened(200, 'b'), closed(300, 'b'), closed(500, 'a')), 400)
  assert.equal(waits(opened(100, 'a'), closed(300, 'a'), opened(400, 'b'), closed(500, 'b')), 300)
  assert.equal(waits(opened(100, 'a'), closed(300, 'a'), asked(200), finished(600)), 500)
})

test('waiting before the outage, or before anybody noticed it, or after recovery is no part of the decision', () => {
  const waits = (...lines: Line[]): number | undefined => clock(down(1000), noticed(1500), up(3000), ...lines).decisionMs
  assert.equal(waits(opened(100), closed(900)), 0)
  assert.equal(waits(opened(100), closed(1600)), 100)
  assert.equal(waits(opened(2900), closed(5000)), 100)
  assert.equal(waits(opened(3500), closed(5000)), 0)
})

test('a gate that is still open at recovery was waited for until then', () => {
  assert.equal(clock(down(1000), noticed(1500), up(3000), opened(2000)).decisionMs, 1000)
})

test('an alert that was faster than the probe makes no time negative and no outage longer', () => {
  const early = clock(fault(900), noticed(950), opened(960), down(1000), closed(2000), up(3000))
  assert.deepEqual([early.ttdMs, early.decisionMs, early.workMs], [0, 1000, 1000])
  assert.deepEqual([early.rtaTechnicalMs, early.rtaTechnicalWithoutWaitingMs], [2000, 1000])
})

test('a task that stood before anybody noticed shortens neither recovery time', () => {
  const { rtaTechnicalWithoutWaitingMs, rtaBusinessWithoutWaitingMs } = clock(down(1000), asked(1100), finished(1400), noticed(1500), up(3000), signed(4000))
  assert.deepEqual({ rtaTechnicalWithoutWaitingMs, rtaBusinessWithoutWaitingMs }, { rtaTechnicalWithoutWaitingMs: 2000, rtaBusinessWithoutWaitingMs: 3000 })
})

test('the sign-off is the last pass of a check that is marked as one, after recovery', () => {
  const at = (...lines: Line[]): number | undefined => clock(down(1000), up(3000), ...lines).signedOffAtMs
  assert.equal(at(signed(500)), undefined)
  assert.equal(at(signed(2000)), undefined)
  assert.equal(at(signed(3500, 'fail')), undefined)
  assert.equal(at(signed(3500, 'pass', false)), undefined)
  assert.equal(at(signed(3500), signed(3600, 'fail'), signed(4000)), 4000)
})

test('the first good write is measured from the fault, where both are known', () => {
  const observed: Line = [5000, { type: 'probe.ended', observation: observation(0, 5000) }]
  assert.equal(clock(fault(1000), observed).faultToFirstWriteMs, 13_900)
  assert.equal(clock(observed).faultToFirstWriteMs, undefined)
})

const at = fc.integer({ min: 0, max: 10_000 })
/** A recovery with any waits: moments in order, gates and tasks anywhere, closed or not. */
const anyRecovery = fc.record({
  moments: fc.array(at, { minLength: 4, maxLength: 4 }).map(list => list.sort((a, b) => a - b)),
  waits: fc.array(fc.record({ from: at, length: at, isTask: fc.boolean(), isClosed: fc.boolean() }), { maxLength: 6 }),
}).map(({ moments: [from, detected, recovered, done], waits }) => clock(
  down(from!, from!), noticed(detected!), up(recovered!, recovered!), signed(done!),
  ...waits.flatMap(({ from, length, isTask, isClosed }, index): Line[] => {
    const step = `wait-${index}`
    return [isTask ? asked(from, step) : opened(from, step), ...isClosed ? [isTask ? finished(from + length, step) : closed(from + length, step)] : []]
  })))

test('detection, people and work add up to the technical recovery, with verification to the business’s', () => {
  fc.assert(fc.property(anyRecovery, clock => {
    assert.equal(clock.ttdMs! + clock.decisionMs! + clock.workMs!, clock.rtaTechnicalMs)
    assert.equal(clock.rtaTechnicalMs! + clock.verificationMs!, clock.rtaBusinessMs)
  }))
})

test('no length is negative, and without waiting none is longer', () => {
  fc.assert(fc.property(anyRecovery, clock => {
    for (const [name, value] of Object.entries(clock)) if (typeof value === 'number') assert.ok(value >= 0, name)
    assert.ok(clock.rtaTechnicalWithoutWaitingMs! <= clock.rtaTechnicalMs!)
    assert.ok(clock.rtaBusinessWithoutWaitingMs! <= clock.rtaBusinessMs!)
    assert.ok(clock.rtaTechnicalWithoutWaitingMs! <= clock.rtaBusinessWithoutWaitingMs!)
  }))
})

test('what is waited in any window is never longer than it, and its spans never touch', () => {
  fc.assert(fc.property(at, at, fc.array(fc.tuple(at, at), { maxLength: 8 }), (from, length, waits) => {
    const lines = waits.flatMap(([from, length], index): Line[] => [opened(from, `${index}`), closed(from + length, `${index}`)]).sort(([a], [b]) => a - b)
    const spans = waitingFor(numbered(0, lines), { from, to: from + length })
    spans.forEach((span, index) => {
      assert.ok(span.from >= from && span.to <= from + length && span.to > span.from)
      if (index > 0) assert.ok(span.from > spans[index - 1]!.to)
    })
  }))
})

test('a refused and an invalid drill have no recovery, an aborted one has its own', () => {
  for (const ending of ['refused', 'invalid'] as const) assert.equal(recoveryClock(drillEvents(ending)).rtaTechnicalMs, undefined)
  assert.equal(recoveryClock(drillEvents('aborted')).rtaTechnicalMs, 11_160)
  assert.equal(clock([0, { type: 'outage.declared', person: ana, door: 'api' }]).startedAtMs, undefined)
})
