import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusOf } from '../src/drill/status.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { asksOf, drawAsks } from '../src/pages/asks.js'
import { drawRegions, nowOf, stepLines } from '../src/pages/run.js'
import { drawTrend } from '../src/pages/trend.js'
import { ana, ben, drillEvents, drillStart, probeSamples } from './fixtures/events.js'

const until = (type: string) => {
  const events = drillEvents('passed')
  return events.slice(0, events.findIndex(event => event.type === type) + 1)
}

test('now: what people are waited for, what runs, what is undone', () => {
  assert.deepEqual(nowOf({ status: statusOf(until('drill.started'))! }), ['Checking whether it may start'])
  assert.deepEqual(nowOf({ status: statusOf(until('probe.down'))! }), ['Running'])
  assert.deepEqual(nowOf({ status: statusOf(until('note.added'))! }), ['Waiting for approval: promote the standby (0 of 1)'])
  assert.deepEqual(nowOf({ status: statusOf(until('undo.started'))! }), ['Undoing: point the endpoint at whichever node is primary'])
})

test('steps: planned against actual, late ones marked, running ones growing', () => {
  const nowMs = drillStart + 60_000
  const lines = stepLines({ status: statusOf(until('note.added'))!, nowMs })
  assert.deepEqual(lines.map(line => [line.id, line.icon, line.tookMs, line.late]).slice(0, 5), [
    ['steady-before', '✓', 140, false], ['break-primary', '✓', 230, false], ['detect', '✓', 1100, false], ['approve-failover', '‖', nowMs - drillStart - 6240, false], ['fence', '·', undefined, false],
  ])
  assert.equal(lines[3]!.sinceMs, drillStart + 6240)
  const slow = until('note.added').map(event => event.type === 'step.finished' && event.step === 'detect' ? { ...event, atMs: event.atMs + 9000 } : event)
  assert.equal(stepLines({ status: statusOf(slow)!, nowMs })[2]!.late, true)
})

test('a gate says to each person what they may do, in the words of the drill', () => {
  const events = until('note.added')
  const status = statusOf(events)!
  const as = (id: string, ...held: Array<'approver' | 'observer' | 'commander'>) => asksOf(events, status, { id, name: id, roles: held })[0]!
  assert.deepEqual([as('cai', 'approver').mayApprove, as('cai', 'approver').mayReject, as('cai', 'approver').refusal], [true, true, undefined])
  assert.match(as('otto', 'observer').refusal!, /is decided by approver; otto is observer in lab/)
  const own = as(ana.id, 'approver', 'commander')
  assert.deepEqual([own.mayApprove, own.mayReject], [false, true], 'who started it may stop it, and never wave it through')
  assert.equal(own.silence, 'the drill is aborted, and everything undone')
  assert.deepEqual(own.checked, [{ mark: '✓', text: 'postgres.steady: pg1 is primary, pg2 streams with 0 bytes of lag' }])
  assert.equal(as('cai', 'approver').canAnswer, undefined, 'nobody has asked yet')
  const asked: DrillEvent[] = [...events, { seq: events.length + 1, atMs: events.at(-1)!.atMs, type: 'people.asked', step: 'approve-failover', can: [{ id: 'dora', name: 'Dora <b>', for: { id: 'cai', name: 'Cai' } }], away: [{ id: 'cai', name: 'Cai', untilMs: drillStart, deputies: ['Dora <b>'] }] }]
  const drawn = drawAsks(asked, statusOf(asked)!, { person: { id: 'cai', name: 'Cai', roles: ['approver'] }, formToken: 'x' })
  assert.match(drawn, /<dt>Can answer now<\/dt><dd class="">Dora &lt;b&gt; \(for Cai\)<\/dd>/)
  const two = events.map(event => event.type === 'gate.opened' ? { ...event, approvals: 2 } : event)
  two.push({ seq: events.length + 1, atMs: events.at(-1)!.atMs, type: 'gate.decided', step: 'approve-failover', person: ben, answer: 'approve', door: 'slack', verified: true })
  const [again] = asksOf(two, statusOf(two)!, { id: ben.id, name: ben.name, roles: ['approver'] })
  assert.deepEqual([again!.mayApprove, again!.mayReject, again!.approved], [false, false, 1], 'one vote a person')
})

test('the clock stands at what was measured, and is red once it is over', () => {
  const clockOf = (ending: 'passed' | 'failed' | 'invalid', nowMs = drillStart + 200_000) => {
    const events = drillEvents(ending)
    return drawRegions({ events, status: statusOf(events)!, samples: probeSamples(events), progress: [], nowMs, links: [] }).clock!
  }
  assert.match(clockOf('passed'), /data-level="good"[^]*<b>00:11<\/b>[^]*of 01:00[^]*recovered in 11\.8 s/)
  assert.match(clockOf('failed'), /data-level="over"/)
  assert.match(clockOf('invalid'), /data-level="none"[^]*--:--[^]*no failed probe yet/)
  const down = until('note.added')
  const running = drawRegions({ events: down, status: statusOf(down)!, samples: [], progress: [], nowMs: drillStart + 4690 + 50_000, links: [] })
  assert.match(running.clock!, /data-level="near"[^]*data-since="\d+" data-limit="60000">00:50<\/b>/)
  assert.equal(running.probe, '', 'no sample, no chart')
})

test('a trend has a bar for each recovery time and a dot where none was measured', () => {
  const svg = drawTrend([{ drillId: 'a', verdict: 'passed', rtaMs: 10_000 }, { drillId: 'b"<', verdict: 'failed', rtaMs: 20_000 }, { drillId: 'c', verdict: 'invalid' }], 15_000)
  assert.deepEqual([svg.match(/<line class="(passed|failed)"/g)!.length, svg.match(/<circle class="invalid"/g)!.length, svg.match(/class="objective"/g)!.length], [2, 1, 1])
  assert.doesNotMatch(svg, /b"</)
  assert.equal(drawTrend([]), '')
  assert.doesNotMatch(drawTrend([{ drillId: 'a', verdict: 'passed', rtaMs: 10 }], 60_000), /objective/, 'an objective far above would press it flat')
})
