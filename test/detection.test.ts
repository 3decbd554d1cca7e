import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectionOf } from '../src/drill/detection.js'
import type { DetectionSource } from '../src/drill/runbook.js'
import type { EventBody } from '../src/drill/timeline.js'
import { ana, numbered } from './fixtures/events.js'

const all: DetectionSource[] = ['alert', 'declaration', 'probe']
const fault = (at: number): [number, EventBody] => [at + 5, { type: 'fault.struck', step: 'break', faultAtMs: at }]
const alert = (at: number, name = 'DatabaseDown', state: 'firing' | 'resolved' = 'firing'): [number, EventBody] => [at + 5, { type: 'alert.arrived', name, state, arrivedAtMs: at }]
const declared = (at: number): [number, EventBody] => [at, { type: 'outage.declared', person: ana, door: 'api' }]
const down = (at: number): [number, EventBody] => [at + 5, { type: 'probe.down', target: 'database', firstFailedAtMs: at - 200, confirmedAtMs: at, error: 'refused' }]
const found = (list: Array<[number, EventBody]>, sources = all, alerts?: string[]) => detectionOf(numbered(0, list), sources, alerts)

test('each source is named in its own way', () => {
  assert.deepEqual(found([fault(10), alert(50)]), { source: 'alert', detectedAtMs: 50, by: 'alert DatabaseDown' })
  assert.deepEqual(found([fault(10), declared(60)]), { source: 'declaration', detectedAtMs: 60, by: 'Ana Lima' })
  assert.deepEqual(found([fault(10), down(70)]), { source: 'probe', detectedAtMs: 70, by: 'probe of database' })
})

test('the earliest counts, not the first to be recorded', () => {
  assert.equal(found([fault(10), [300, { type: 'probe.down', target: 'shop', firstFailedAtMs: 20, confirmedAtMs: 290, error: 'HTTP 503' }], [310, { type: 'alert.arrived', name: 'ShopDown', state: 'firing', arrivedAtMs: 80 }]])?.by, 'alert ShopDown')
})

test('a source that the runbook does not count is not heard', () => {
  const list = [fault(10), alert(50), declared(60), down(70)]
  assert.equal(found(list, ['declaration', 'probe'])?.source, 'declaration')
  assert.equal(found(list, ['probe'])?.source, 'probe')
  assert.equal(found(list, []), undefined)
})

test('an alert that was firing before the fault has noticed something else', () => {
  assert.equal(found([alert(5), declared(6), down(7), fault(10)]), undefined)
  assert.equal(found([alert(5), fault(10), alert(90)])?.detectedAtMs, 90)
})

test('after a second fault only what came after it counts', () => {
  assert.equal(found([fault(10), alert(50), fault(100)]), undefined)
  assert.equal(found([fault(10), alert(50), fault(100), alert(150)])?.detectedAtMs, 150)
})

test('a resolved alert, and one of another name, notice nothing', () => {
  assert.equal(found([fault(10), alert(50, 'DatabaseDown', 'resolved')]), undefined)
  assert.equal(found([fault(10), alert(50, 'DiskFull')], all, ['DatabaseDown']), undefined)
  assert.equal(found([fault(10), alert(50, 'DiskFull'), alert(60)], all, ['DatabaseDown'])?.detectedAtMs, 60)
})

test('where nothing was broken, whatever is noticed counts', () => {
  assert.equal(found([declared(60)])?.detectedAtMs, 60)
})

test('nothing happened, nothing is noticed', () => { assert.equal(found([]), undefined) })
