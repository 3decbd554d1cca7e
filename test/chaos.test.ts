import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allKinds, applies, breaks, momentsOf } from '../chaos/moment.js'
import { strayedFrom } from '../chaos/proof.js'
import { tableOf, type Done } from '../chaos/table.js'
import { differences, type Traces } from '../chaos/traces.js'
import type { Runbook, Step } from '../src/drill/runbook.js'
import type { DrillEvent, EventBody } from '../src/drill/timeline.js'
import { cut, gate, kill } from './fixtures/temporal.js'

const runbookOf = (steps: Step[], more: Partial<Runbook> = {}): { runbook: Runbook } => ({ runbook: { name: 'test', title: 'A test', type: 'simulated-failure', environments: ['tier:lab'], steps, ...more } })

const steps: Step[] = [
  { id: 'look', kind: 'check', check: 'http.ok', with: { url: 'http://127.0.0.1:1' } },
  { id: 'tell', kind: 'notify', message: 'now' },
  { id: 'both', kind: 'parallel', branches: [[kill('a')], [cut('b')]] },
  { id: 'never', kind: 'notify', message: 'not here', when: false },
  { id: 'until', kind: 'wait', until: { check: 'http.ok', with: { url: 'http://127.0.0.1:1' }, every: '1s' }, deadline: '5s' },
  gate('go'),
  { id: 'heal', kind: 'undo', of: 'b' },
  { id: 'tell-end', kind: 'notify', message: 'over' },
]

test('the moments of a drill are its steps that may run, those in branches too, and what is undone at its end', () => {
  assert.deepEqual(momentsOf(runbookOf(steps)).map(({ name, at }) => [name, at]), [
    ['look', { activity: 'check.http.ok', stepId: 'look' }],
    ['tell', { activity: 'notify', nth: 1 }],
    ['a', { activity: 'component.kill', stepId: 'a' }],
    ['b', { activity: 'toxiproxy.cut', stepId: 'b' }],
    ['until', { activity: 'check.http.ok', stepId: 'until' }],
    ['go', { started: 'go' }],
    ['heal', { activity: 'toxiproxy.cut.undo', stepId: 'b' }],
    ['tell-end', { activity: 'notify', nth: 2 }],
    ['undo a', { activity: 'component.kill.undo', stepId: 'a' }],
  ])
})

test('a step that is called as the observer’s own moment is another moment', () => {
  const compare: Step = { id: 'canaries', kind: 'check', check: 'http.ok', with: { url: 'http://127.0.0.1:1' } }
  const observe = { canaries: {}, probe: {} } as Runbook['observe']
  assert.deepEqual(momentsOf(runbookOf([compare], { observe })).map(({ name }) => name), ['prepare canaries', 'canaries', 'undo canaries'])
})

test('what runs nothing has nothing that could fail, be repeated or be in the middle; it can be aborted and outlive every death', () => {
  const moment = momentsOf(runbookOf([gate('go')]))[0]!
  assert.deepEqual(allKinds.filter(kind => applies(kind, moment)), ['worker-in', 'alone-in', 'watchdog', 'api', 'temporal', 'store', 'abort', 'terminate', 'halt'])
})

test('a runbook that only looks is none to be killed in', () => {
  assert.equal(breaks(runbookOf(steps)), true)
  assert.equal(breaks(runbookOf(steps, { readOnly: true })), false)
  assert.equal(breaks(runbookOf([gate('go')])), false)
})

test('whatever is another than before is told, each with what it was and what it is', () => {
  const before: Traces = { servers: ['pg1 running'], roles: [], proxies: ['a open to x'], mounts: [], tables: ['public.orders'], files: [], memory: [], rules: [], strays: [], leases: [], promotions: 1 }
  assert.deepEqual(differences(before, { ...before, promotions: 3 }), [])
  assert.deepEqual(differences({ ...before, strays: ['7 pgbackrest'], leases: ['d~t.acting'] }, before), [], 'what was there and has ended is not left')
  assert.deepEqual(differences(before, { ...before, proxies: ['a cut to x'], tables: ['public.orders', 'muster.canaries'], leases: ['d~s.lease'] }), [
    'proxies: was a open to x; is a cut to x', 'tables: is muster.canaries', 'leases: is d~s.lease',
  ])
})

test('a drill that stops where it was not struck has strayed; one that stops where it was, was told to, or that the watchdog ended, has not', () => {
  const [moment] = momentsOf(runbookOf([cut('b')]))
  const event = (body: EventBody): DrillEvent => ({ seq: 1, atMs: 0, ...body })
  const stopped = (step: string): DrillEvent => event({ type: 'step.finished', step, outcome: 'failed', summary: 'nobody noticed within 60 s' })
  const reverted = event({ type: 'lease.reverted', step: 'b', revertedAtMs: 1, reason: 'not renewed', summary: 'healed' })
  assert.equal(strayedFrom([stopped('detect')], moment!), 'it stopped at "detect": nobody noticed within 60 s')
  assert.equal(strayedFrom([stopped('b'), stopped('both')], moment!), undefined)
  assert.equal(strayedFrom([reverted, stopped('detect')], moment!), undefined)
  assert.equal(strayedFrom([event({ type: 'undo.asked', reason: 'terminated' }), stopped('detect')], moment!), undefined)
  assert.equal(strayedFrom([event({ type: 'step.finished', step: 'b', outcome: 'passed', summary: 'cut' })], moment!), undefined)
})

test('the table tells what held, what broke and why, what did not come, and leaves empty what was not run; a later run counts', () => {
  const moments = momentsOf(runbookOf([cut('b'), gate('go')]))
  const done = (moment: string, kind: Done['kind'], outcome: Partial<Done['outcome']>): Done =>
    ({ runbook: 'test', moment, kind, tookMs: 1, atMs: Date.parse('2026-01-01T00:00:00Z'), commit: 'abc', outcome: { result: 'held', problems: [], ...outcome } })
  const text = tableOf([{ runbook: 'test', title: 'A test', moments }], [
    done('b', 'fail', { result: 'broken', problems: ['mended since'] }),
    done('b', 'fail', { verdict: 'failed' }),
    done('b', 'alone-in', { verdict: 'invalid', revertedAfterMs: 6400 }),
    done('b', 'abort', { result: 'broken', problems: ['proxies: is b cut'] }),
    done('undo b', 'abort', { result: 'missed' }),
    { ...done('undo b', 'halt', { result: 'strayed', verdict: 'failed', strayed: 'it stopped at "detect": too late' }), atMs: Date.parse('2026-01-01T01:00:00Z'), commit: 'def' },
  ])
  const row = (name: string): string[] => text.split('\n').find(line => line.startsWith(`| ${name} |`))!.split('|').map(cell => cell.trim()).slice(2, -1)
  assert.deepEqual(row('b'), ['✓ F', '', '', '', '', '', '✓ I', '', '', '', '', '', '✗ 1', '', ''])
  assert.deepEqual(row('go').slice(0, 4), ['–', '–', '–', ''])
  assert.equal(row('undo b')[12], '·')
  assert.match(text, /1\. `test`, b × abort: proxies: is b cut/)
  assert.equal(row('undo b').at(-1), '~ F')
  assert.match(text, /5 of 39 cases were run: 2 held, 0 said what they left, 1 broken, 1 stopped elsewhere, 1 did not come/)
  assert.match(text, /From 2026-01-01T00:00 to 2026-01-01T01:00 UTC, on 2 commits from abc to def\./)
  assert.match(text, /after 6\.4 to 6\.4 s \(1 cases\)/)
  assert.doesNotMatch(text, /mended since/)
})
