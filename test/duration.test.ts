import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clockText, durationMs, durationText, tryDurationMs } from '../src/drill/duration.js'

test('each unit has its length', () => {
  assert.deepEqual(['500ms', '2s', '5m', '4h', '1d', '1.5s', ' 3 m '].map(tryDurationMs), [500, 2000, 300_000, 14_400_000, 86_400_000, 1500, 180_000])
})

test('whatever is no duration has none', () => {
  for (const text of ['', '5', 's', '5 minutes', '-5s', '1e3s', '5s5m', '５s', 'NaNs', 5, null, undefined, {}]) assert.equal(tryDurationMs(text), undefined, String(text))
})

test('a text that should have been validated is named when it is no duration', () => {
  assert.throws(() => durationMs('soon'), /"soon" is no duration/)
})

test('a recovery clock shows minutes, and hours only where there are some', () => {
  assert.deepEqual([0, 59_999, 60_000, 3_599_999, 3_600_000, -5].map(clockText), ['00:00', '00:59', '01:00', '59:59', '1:00:00', '00:00'])
})

test('a length for people has the unit that fits it', () => {
  assert.deepEqual([0, 41.4, 1880, 30_000, 250_000, 7_380_000, -41].map(durationText), ['0 ms', '41 ms', '1.88 s', '30.0 s', '4 min 10 s', '2 h 3 min', '−41 ms'])
})

test('a length just below a full minute or hour never shows sixty', () => {
  for (const ms of [59_960, 119_700, 3_599_700, 7_199_000]) assert.doesNotMatch(durationText(ms), /\b60\b/, String(ms))
})
