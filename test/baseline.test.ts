import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compareRun, isReference, refusalOf } from '../src/drill/baseline.js'
import type { LoadResult } from '../src/drill/load.js'

const runs = (...p95s: number[]) => ({ runs: p95s.map((p95Ms, index) => ({ runId: `run-${index}`, p95Ms })), otherConfigurations: 0 })
const outcome = (p95Ms: number, ...p95s: number[]) => compareRun({ p95Ms }, runs(...p95s)).outcome

describe('a run against the last accepted ones', () => {
  test('the first one has nothing to be compared with, and says that others are of another configuration', () => {
    assert.equal(outcome(100), 'first')
    assert.match(compareRun({ p95Ms: 1 }, { runs: [], otherConfigurations: 2 }).why, /2 earlier ones are of another configuration, and not compared/)
  })

  for (const [what, p95, before, wanted] of [
    ['worse by over a tenth, over 5 ms, and beyond all of them', 120, [98, 100, 102], 'worse'],
    ['worse by a tenth alone', 110, [100, 100, 100], 'same'],
    ['worse by over a tenth, but by 5 ms only', 15, [10, 10, 10], 'same'],
    ['worse by over 5 ms, but by under a tenth', 1050, [1000, 1000, 1000], 'same'],
    ['worse than the median, but within the spread', 120, [98, 100, 121], 'same'],
    ['better by over a tenth, over 5 ms, and beyond all of them', 80, [98, 100, 102], 'better'],
    ['better than the median, but within the spread', 80, [79, 100, 102], 'same'],
    ['worse than the only one', 120, [100], 'worse'],
  ] as const) {
    test(`${what}: ${wanted}`, () => { assert.equal(outcome(p95, ...before), wanted) })
  }

  test('only the newest five count', () => {
    assert.equal(outcome(120, 100, 100, 100, 100, 100, 130), 'worse')
    assert.deepEqual(compareRun({ p95Ms: 100 }, runs(1, 2, 3, 4, 5, 6)).runs.length, 5)
  })

  test('with an even number the median lies between the middle two', () => {
    assert.match(compareRun({ p95Ms: 100 }, runs(90, 110)).why, /against 100 ms/)
  })

  test('a run that measured nothing, or may not be compared, is held against nothing', () => {
    assert.equal(compareRun({}, runs(100)).outcome, 'not-compared')
    assert.match(compareRun({ p95Ms: 500, refusal: 'it was shortened' }, runs(100)).why, /it was shortened/)
  })
})

describe('what later runs are held against', () => {
  const good = { verdict: 'passed', durationMs: 60_000, plannedDurationMs: 60_000, total: { requests: 1, errors: 0, responseMs: {} } } as LoadResult
  test('a whole run that passed, with findings or without', () => {
    assert.ok(isReference(good) && isReference({ ...good, verdict: 'passed-with-findings' }))
    assert.ok(isReference({ ...good, durationMs: 59_100 }), 'its last second may be counted in part')
  })
  for (const [what, more] of [
    ['failed', { verdict: 'failed' }], ['invalid', { verdict: 'invalid' }], ['aborted', { verdict: 'aborted' }], ['shortened', { scale: 0.5 }], ['held while other steps ran', { isHeld: true }],
    ['ended early', { durationMs: 30_000 }], ['without an answer', { total: { requests: 1, errors: 1 } }],
  ] as Array<[string, Partial<LoadResult>]>) {
    test(`never one that was ${what}`, () => { assert.equal(isReference({ ...good, ...more }), false) })
  }
  test('the reason is said', () => {
    assert.deepEqual([refusalOf(good), refusalOf({ ...good, scale: 0.1 })], [undefined, 'it was shortened'])
  })
})
