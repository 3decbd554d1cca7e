import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { drillLab, isWhole, observed, type DrillLab } from './fixtures/drill-lab.js'

// The runbooks of single failures, each on a real lab with all of Muster: what they must show, and what must turn them red.

/** Breaks the replica, which no user of the cache notices. */
const withoutEffect = `
title: A fault that nobody notices
type: simulated-failure
environments: [tier:lab]
observe:
  cache: '{{ env.cache }}'
  probe: { interval: 100ms, timeout: 1s, failures: 3, successes: 3 }
steps:
  - { id: steady, kind: check, check: redis.steady, with: { cache: '{{ env.cache }}' }, every: 500ms, within: 20s }
  - { id: break, kind: action, action: redis.break, with: { cache: '{{ env.cache }}', node: '{{ steps.steady.output.replica }}', fault: kill } }
  - { id: pause, kind: wait, for: 1s }
  - { id: heal, kind: undo, of: break }
`

let d: DrillLab
before(async () => { d = await drillLab({ runbooks: { 'without-effect': withoutEffect } }) })
after(async () => { await d?.down() })

describe('the cache fails', () => {
  test('killed: noticed by an alert, the shop serves without it, the replica is promoted, nothing is lost, and home is primary again', async () => {
    const report = await d.run('redis-cache-failure', { baseline: '500ms' })
    assert.match(report.judgement.verdict, /^passed/, JSON.stringify(report.judgement))
    isWhole(report)
    assert.match(report.clock.detectedBy!, /^alert RedisDown/)
    assert.ok(report.clock.rtaTechnicalMs! > 0 && report.clock.rtaBusinessMs! > report.clock.rtaTechnicalMs!, JSON.stringify(report.clock))
    assert.match(observed(report, 'sessions'), /^4 of 4 sessions kept, 0 lost/)
    assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
    assert.match(observed(report, 'warm-again'), /hit ratio .*\d+ %/)
    assert.match(observed(report, 'steady-after'), /redis1 is primary/)
    assert.deepEqual(report.drill.approvers, ['Ben'])
  })

  test('flushed: no outage, but every session is lost and counted, which is the proof of its effect', async () => {
    const report = await d.run('redis-cache-failure', { baseline: '500ms', fault: 'flush' })
    assert.equal(report.judgement.verdict, 'passed-with-findings', JSON.stringify(report.judgement))
    isWhole(report)
    assert.equal(report.clock.rtaTechnicalMs, undefined)
    assert.match(observed(report, 'sessions-lost'), /^0 of 4 sessions kept, 4 lost/)
    assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
    assert.equal(report.observation!.orders!.sessionsLost, 4)
  })

  test('a fault that nobody notices proves nothing', async () => {
    const report = await d.run('without-effect')
    assert.equal(report.judgement.verdict, 'invalid')
    assert.match(report.judgement.why, /had no effect that the probe could see/)
    isWhole(report)
  })
})
