import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { feltOf, feltText, unseen } from '../src/drill/felt.js'
import { loadSummary, type LoadPoint, type LoadResult } from '../src/drill/load.js'

/** Seconds from 10,000 on; in those that are named every request failed. */
const points = (failing: number[]): LoadPoint[] => Array.from({ length: 10 }, (_, second) => ({
  atMs: 11_000 + second * 1000, users: 2, requests: 4, errors: failing.includes(second) ? 4 : 0, missed: 0,
}))
const outage = { from: 13_400, to: 15_600 }

describe('what customers felt of an outage', () => {
  test('is counted before, in and after it; a second that touches it counts to it', () => {
    const felt = feltOf(points([3, 4, 5]), 10_000, outage)
    assert.deepEqual(felt, { before: { requests: 12, errors: 0 }, during: { requests: 12, errors: 12 }, after: { requests: 16, errors: 0 } })
    assert.equal(feltText(felt), '12 of 12 requests failed; before it 0 of 12, after it 0 of 16')
    assert.match(feltText(feltOf(points([3, 6]), 10_000, outage), 1400), /after it 4 of 16, the last one 1\.40 s after the recovery$/)
  })

  test('is all in it where it has not ended', () => {
    assert.deepEqual(feltOf(points([9]), 10_000, { from: 13_400 }).after, { requests: 0, errors: 0 })
  })

  test('begins with the first second in which a request failed, and ends with the last', () => {
    const failingOf = (failing: number[]) => {
      const sinceStart = points(failing).map(point => ({ ...point, atMs: point.atMs - 10_000 }))
      const result = { points: sinceStart, startedAtMs: 10_000, total: {}, quality: {}, reasons: [] } as unknown as LoadResult
      return loadSummary(result, true).failing
    }
    assert.deepEqual(failingOf([3, 5]), { fromMs: 13_000, toMs: 16_000 })
    assert.deepEqual(failingOf([0]), { fromMs: 10_000, toMs: 11_000 })
    assert.equal(failingOf([]), undefined)
  })
})

describe('what the probe did not see', () => {
  test('is nothing where customers and probe tell the same', () => {
    for (const failing of [{ fromMs: 13_000, toMs: 16_000 }, undefined]) assert.equal(unseen({ failing }, outage, 500), undefined)
  })

  test('are errors after the recovery, later than a request may fail', () => {
    assert.equal(unseen({ failing: { fromMs: 13_000, toMs: 17_000 } }, outage, 500), undefined)
    assert.equal(unseen({ failing: { fromMs: 13_000, toMs: 20_600 } }, outage, 500), 'customers still got errors 5.00 s after the probe had seen the recovery')
  })

  test('are errors before the outage', () => {
    assert.equal(unseen({ failing: { fromMs: 11_000, toMs: 16_000 } }, outage, 500), 'customers got errors 2.40 s before the probe saw the outage')
  })

  test('is not judged before the recovery', () => {
    for (const open of [undefined, { from: 13_400 }]) assert.equal(unseen({ failing: { fromMs: 1, toMs: 99_000 } }, open, 500), undefined)
  })
})
