import assert from 'node:assert/strict'
import { existsSync, renameSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { ProcessControl } from '../src/drill/environment.js'
import { drillLab, isWhole, observed, type DrillLab } from './fixtures/drill-lab.js'

// The runbooks of single failures, each on a real lab with all of Muster: what they must show, and what must turn them red.
// `npm run test:faults` adds the variants that show nothing new, only that they work too.
const everyVariant = { skip: process.env.MUSTER_TEST_ALL_FAULTS === '1' ? false : 'a variant: npm run test:faults' }

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

/** Claims that an instance is down that nobody has touched. */
const withoutProof = `
title: The wrong instance
type: simulated-failure
environments: [tier:lab]
observe:
  probe: { interval: 100ms, timeout: 1s, failures: 3, successes: 3, http: [{ name: service, url: '{{ env.api.url }}', caFile: '{{ env.api.caFile }}' }] }
steps:
  - { id: ready, kind: check, check: api.ready, with: { api: '{{ env.api }}' }, every: 500ms, within: 20s }
  - { id: break, kind: action, action: api.break, with: { api: '{{ env.api }}', instance: api1, fault: hang } }
  - { id: proof, kind: check, check: api.down, with: { api: '{{ env.api }}', instances: [api2] }, provesEffect: true }
`

/** Ends with the first instance dead: what brings it back is its undo alone. */
const toBringBack = `
title: An instance that does not come back at once
type: simulated-failure
environments: [tier:lab]
observe:
  probe: { interval: 100ms, timeout: 1s, failures: 3, successes: 3, http: [{ name: service, url: '{{ env.api.url }}', caFile: '{{ env.api.caFile }}' }] }
steps:
  - { id: ready, kind: check, check: api.ready, with: { api: '{{ env.api }}' }, every: 500ms, within: 20s }
  - { id: break, kind: action, action: api.break, with: { api: '{{ env.api }}', instance: api1, fault: kill } }
  - { id: proof, kind: check, check: api.down, with: { api: '{{ env.api }}', instances: [api1] }, provesEffect: true }
  - { id: look, kind: gate, effect: none, role: approver, deadline: 1m }
`

let d: DrillLab
before(async () => { d = await drillLab({ runbooks: { 'without-effect': withoutEffect, 'without-proof': withoutProof, 'to-bring-back': toBringBack } }) })
after(async () => { await d?.down() })

describe('the cache fails', () => {
  test('killed: noticed by an alert, the shop serves without it, the replica is promoted, nothing is lost, and home is primary again', async () => {
    const report = await d.run('redis-cache-failure', { baseline: '500ms' })
    assert.match(report.judgement.verdict, /^passed/, JSON.stringify(report.judgement))
    isWhole(report)
    // Whose sessions lie in the cache get errors: the alerts of both race, and either one has noticed it.
    assert.match(report.clock.detectedBy!, /^alert (RedisDown|HighErrorRate)/)
    assert.ok(report.clock.rtaTechnicalMs! > 0 && report.clock.rtaBusinessMs! > report.clock.rtaTechnicalMs!, JSON.stringify(report.clock))
    assert.match(observed(report, 'sessions'), /^4 of 4 sessions kept, 0 lost/)
    assert.match(observed(report, 'limit-kept'), /^the rate limit was kept/)
    assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
    assert.match(observed(report, 'warm-again'), /hit ratio .*\d+ %/)
    assert.match(observed(report, 'steady-after'), /redis1 is primary/)
    assert.deepEqual(report.drill.approvers, ['Ben'])
  })

  test('flushed: no outage, but every session and a rate limit are lost and counted, which is the proof of its effect', async () => {
    const report = await d.run('redis-cache-failure', { baseline: '500ms', fault: 'flush' })
    assert.equal(report.judgement.verdict, 'passed-with-findings', JSON.stringify(report.judgement))
    isWhole(report)
    assert.equal(report.clock.rtaTechnicalMs, undefined)
    assert.match(observed(report, 'sessions-lost'), /^0 of 4 sessions kept, 4 lost/)
    assert.match(observed(report, 'limit-kept'), /^the rate limit was lost: taken again/)
    assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
    assert.equal(report.observation!.orders!.sessionsLost, 4)
  })

  test('hung: the replica is promoted, and what wakes up is no second primary', everyVariant, async () => {
    const report = await d.run('redis-cache-failure', { baseline: '500ms', fault: 'hang' })
    assert.match(report.judgement.verdict, /^passed/, JSON.stringify(report.judgement))
    isWhole(report)
    assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
    assert.match(observed(report, 'steady-after'), /redis1 is primary/)
  })

  test('a fault that nobody notices proves nothing', async () => {
    const report = await d.run('without-effect')
    assert.equal(report.judgement.verdict, 'invalid')
    assert.match(report.judgement.why, /had no effect that the probe could see/)
    isWhole(report)
  })
})

describe('the service crashes', () => {
  test('one instance killed in the middle of orders: taken out, no outage, every order there exactly once, and it comes back', async () => {
    const report = await d.run('api-crash', { baseline: '500ms' })
    assert.equal(report.judgement.verdict, 'passed', JSON.stringify(report.judgement))
    isWhole(report)
    assert.match(report.clock.detectedBy!, /^alert /)
    assert.match(observed(report, 'first-down'), /^api1: connect ECONNREFUSED/)
    assert.match(observed(report, 'taken-out'), /20 good answers/)
    assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
  })

  test('both killed: an outage that is measured, and orders that were sent again are there once', async () => {
    const report = await d.run('api-crash', { baseline: '500ms', instances: 'all' })
    assert.equal(report.judgement.verdict, 'passed', JSON.stringify(report.judgement))
    isWhole(report)
    assert.ok(report.clock.rtaTechnicalMs! > 0, JSON.stringify(report.clock))
    assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
    assert.ok(report.observation!.orders!.resent > 0, JSON.stringify(report.observation))
  })

  test('positive control: customers without keys whose instance hangs find orders there twice, and the drill fails', async () => {
    const report = await d.run('api-crash', { baseline: '500ms', fault: 'hang', keys: false })
    assert.equal(report.judgement.verdict, 'failed', JSON.stringify(report.judgement))
    assert.match(report.judgement.why, /step "orders" failed: .* [1-9]\d* there twice/)
    isWhole(report)
  })

  test('all hang: an outage that is measured, both thaw, and no order is lost or doubled', everyVariant, async () => {
    const report = await d.run('api-crash', { baseline: '500ms', fault: 'hang', instances: 'all' })
    assert.match(report.judgement.verdict, /^passed/, JSON.stringify(report.judgement))
    isWhole(report)
    assert.ok(report.clock.rtaTechnicalMs! > 0, JSON.stringify(report.clock))
    assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
  })

  test('an undo that does not work at first is tried until it is proven', async () => {
    const file = (d.environment.api!.instances[0]!.control as ProcessControl).blockFile!
    const drillId = await d.start('to-bring-back')
    await d.until(drillId, status => status.waitingFor.length > 0)
    renameSync(file, `${file}.away`)
    try {
      await d.approve(drillId)
      await d.until(drillId, status => status.phase === 'unwinding')
      await new Promise(resolve => setTimeout(resolve, 1_500))
      const { phase } = await d.until(drillId, () => true)
      assert.equal(phase, 'unwinding', 'it is not believed')
    } finally {
      renameSync(`${file}.away`, file)
    }
    const report = await d.reportOf(drillId)
    assert.match(report.judgement.verdict, /^passed/, JSON.stringify(report.judgement))
    isWhole(report)
    assert.ok(report.timeline.filter(event => event.type === 'undo.started' && event.entry === 'break').length >= 1)
    assert.match(report.undo.find(line => line.entry === 'break')!.summary!, /started api1; api1 is ready/)
    assert.ok(existsSync(file))
  })

  test('a crash loop is noticed while it goes on', everyVariant, async () => {
    const report = await d.run('api-crash', { baseline: '500ms', fault: 'crash-loop', loop: '6s' })
    assert.equal(report.judgement.verdict, 'passed', JSON.stringify(report.judgement))
    isWhole(report)
    assert.match(report.steps.find(step => step.id === 'loop-first')!.summary!, /api1 crashed [2-9]\d* times/)
  })

  test('a proof that fails makes the drill invalid, whatever else went well', async () => {
    const report = await d.run('without-proof')
    assert.equal(report.judgement.verdict, 'invalid', JSON.stringify(report.judgement))
    assert.match(report.judgement.why, /had no proven effect: api2: status 200/)
    isWhole(report)
  })
})

describe('the network parts', () => {
  test('replication cut: commits are blocked until people let them go, nowhere a second primary, and they wait again in the end', async () => {
    const report = await d.run('network-partition', { baseline: '500ms' })
    assert.equal(report.judgement.verdict, 'passed', JSON.stringify(report.judgement))
    isWhole(report)
    assert.ok(report.timeline.some(event => event.type === 'probe.down' && event.target === 'database' && /no answer within/.test(event.error)), 'the probe saw commits that did not return')
    assert.match(observed(report, 'no-split-brain'), /pg1 is primary, pg2 is standby/)
    assert.match(report.steps.find(step => step.id === 'release')!.summary!, /wait for no standby any more/)
    assert.match(report.undo.find(line => line.entry === 'release')!.summary!, /pg2 streams synchronously/)
    assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
  })

  test('half of the packets to the database are lost: proven by the kernel’s counter, no order is lost or doubled; refused before the start where the machine cannot', everyVariant, async () => {
    const params = { baseline: '500ms', link: 'api-database', how: 'loss', way: 'both', detection: 'probe' }
    if (process.getuid?.() !== 0) return await assert.rejects(d.run('network-partition', params), { code: 'preflight.refused', message: /packets cannot be lost on this machine/ })
    const report = await d.run('network-partition', params)
    assert.match(report.judgement.verdict, /^passed/, JSON.stringify(report.judgement))
    isWhole(report)
    assert.match(observed(report, 'broken-api-database'), /: [1-9]\d* packets dropped, [1-9]\d* of 20 answers late or missing/)
    assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
  })

  const variants = [
    { link: 'api-database', how: 'blackhole', way: 'back' }, { link: 'api-cache', how: 'latency', way: 'forth' },
    { link: 'api-database', how: 'cut', way: 'both' }, { link: 'api-cache', how: 'blackhole', way: 'both' },
  ]
  for (const [index, params] of variants.entries()) {
    test(`${Object.values(params).join(', ')}: noticed by an alert, the service keeps its deadlines, no order is lost or doubled`, index === 0 ? {} : everyVariant, async () => {
      const report = await d.run('network-partition', { baseline: '500ms', ...params })
      assert.equal(report.judgement.verdict, 'passed', JSON.stringify(report.judgement))
      isWhole(report)
      assert.match(report.clock.detectedBy!, /^alert /)
      assert.match(observed(report, 'deadlines'), /3 good answers/)
      assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
    })
  }
})

describe('a rehearsal', () => {
  for (const runbook of ['database-primary-failure', 'redis-cache-failure', 'api-crash', 'network-partition', 'link-cut']) {
    test(`of ${runbook} asks its people, breaks nothing, and owes nothing`, async () => {
      const drillId = await d.start(runbook, {}, { rehearse: true })
      const asked: string[] = []
      for (;;) {
        const status = await d.until(drillId, status => status.phase === 'ended' || status.waitingFor.some(({ step }) => !asked.includes(step)))
        if (status.phase === 'ended') break
        asked.push(...status.waitingFor.map(({ step }) => step))
        await d.approve(drillId)
      }
      const report = await d.reportOf(drillId)
      assert.match(report.judgement.verdict, /^passed/, JSON.stringify(report.judgement))
      assert.ok(asked.length > 0, 'somebody was asked')
      assert.deepEqual([report.undo, report.leftBehind], [[], []])
      assert.ok(!report.timeline.some(event => event.type === 'fault.struck' || event.type === 'undo.owed'), 'nothing was touched')
      const doing = report.steps.filter(step => /^Only announced: /.test(step.title))
      assert.ok(doing.length > 0, 'what would be done is told')
    })
  }

  test('of disk-full is refused as the drill is, where the disk is the machine’s own', async () => {
    for (const more of [{}, { rehearse: true }]) await assert.rejects(d.start('disk-full', {}, more), { code: 'preflight.refused', message: /no mount point/ })
  })
})
