import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isBeyond, type Loss } from '../src/drill/loss.js'
import type { DrillEvent, EventBody, EventOf } from '../src/drill/timeline.js'
import { exitCodeOf, judge, type Verdict } from '../src/drill/verdict.js'
import { ana, ben, drillEvents, drillStart, loss, numbered, observation, type Ending } from './fixtures/events.js'

const endings: Record<Ending, Verdict> = {
  passed: 'passed', 'passed-with-findings': 'passed-with-findings', failed: 'failed', 'left-behind': 'failed', aborted: 'aborted', invalid: 'invalid', blind: 'invalid', refused: 'aborted',
}
const passed = drillEvents('passed')
const end = passed.at(-1)!.atMs

/** The events of a drill that passed, with others added before its end. */
function withEvents (...bodies: EventBody[]): DrillEvent[] {
  return [...passed, ...bodies.map((body): DrillEvent => ({ seq: passed.length + 1, atMs: end, ...body }))]
}

/** The events of a drill that passed, with those of one type changed. */
function changed<T extends DrillEvent['type']> (type: T, change: (event: EventOf<T>) => Partial<EventOf<T>>): DrillEvent[] {
  return passed.map(event => event.type === type ? { ...event, ...change(event as EventOf<T>) } as DrillEvent : event)
}

const without = (...types: Array<DrillEvent['type']>): DrillEvent[] => passed.filter(event => !types.includes(event.type))
const withLoss = (part: Partial<Loss>): DrillEvent[] => changed('check.answered', event => event.loss ? { loss: loss(part) } : {})

const leftBehind: EventBody = { type: 'undo.leftBehind', entry: 'promote', title: 'fail back to pg1', byHand: 'promote pg1', message: 'pg1 does not stream' }
const lost: EventBody = { type: 'probe.lost', message: 'no worker' }
const failedStep: EventBody = { type: 'step.finished', step: 'promote', outcome: 'failed', summary: 'pg2 did not promote' }
const finding: EventBody = { type: 'finding.raised', severity: 'minor', text: 'the alert was slow' }
const abort: EventBody = { type: 'abort.requested', person: ben, reason: 'the real thing has begun', door: 'api' }
const rejected: EventBody = { type: 'gate.closed', step: 'approve-failover', outcome: 'rejected' }

for (const [ending, verdict] of Object.entries(endings) as Array<[Ending, Verdict]>) {
  test(`a drill that ends ${ending} is ${verdict}, before and after its last event`, () => {
    const events = drillEvents(ending)
    assert.equal(judge(events).verdict, verdict)
    assert.deepEqual(judge(events), judge(events.slice(0, -2)))
  })
}

test('a pass says what was recovered, lost and put back', () => {
  assert.deepEqual(judge(passed), { verdict: 'passed', why: 'recovered in 11.8 s, 0 of 1391 acknowledged writes lost, everything is back as it was', reasons: ['recovered in 11.8 s, 0 of 1391 acknowledged writes lost, everything is back as it was'] })
  assert.equal(judge(numbered(0, [[0, { type: 'step.finished', step: 'a', outcome: 'passed', summary: 'ok' }]])).why, 'every step passed')
})

/** Each reason that there is, alone: the verdict that it makes, and what it says. */
const reasons: Array<[string, DrillEvent[], Verdict, RegExp]> = [
  ['an abort', withEvents(abort), 'aborted', /^aborted by Ben Okafor: the real thing has begun$/],
  ['a refusal', withEvents({ type: 'drill.refused', reasons: [{ code: 'a', message: 'one' }, { code: 'b', message: 'two' }] }), 'aborted', /^refused before anything was touched: one; two$/],
  ['a rejection', withEvents({ type: 'gate.decided', step: 'approve-failover', person: ben, answer: 'reject', reason: 'lag', door: 'api', verified: true }, rejected), 'aborted', /^gate "approve-failover" was rejected by Ben Okafor: lag$/],
  ['a gate that nobody answered', withEvents({ type: 'gate.closed', step: 'approve-failover', outcome: 'timeout' }), 'aborted', /^nobody answered gate "approve-failover" in time$/],
  ['a wait that aborts', withEvents({ type: 'step.finished', step: 'detect', outcome: 'aborted', summary: 'nothing within 15s', error: { code: 'wait.timeout', message: 'nothing within 15s' } }), 'aborted', /^step "detect": nothing within 15s$/],
  ['no probe', without('probe.ended'), 'invalid', /nothing was observed/],
  ['a fault without effect', without('probe.down', 'probe.up'), 'invalid', /^the fault of step "break-primary" had no effect/],
  ['a lost probe', withEvents(lost), 'invalid', /^the probe was lost: no worker$/],
  ['witnesses that disagree', withLoss({ witness: { outcome: 'disagrees', detail: '3 commits too many' } }), 'invalid', /^the two witnesses of the loss disagree: 3 commits too many$/],
  ['canaries that nobody wrote', withLoss({ alien: 2 }), 'invalid', /^2 canaries are there that nobody wrote/],
  ['something left behind', withEvents(leftBehind), 'failed', /^left behind: fail back to pg1 \(pg1 does not stream\)$/],
  ['a missed RTO', changed('drill.started', () => ({ objectives: { rto: '10s', rpo: '0s' } })), 'failed', /^recovery took 13.2 s, the objective is 10s$/],
  ['no recovery', without('probe.up'), 'failed', /^the system did not recover/],
  ['lost writes', withLoss({ lost: 3, rpaMs: 40 }), 'failed', /^3 acknowledged writes were lost \(RPA 40 ms\), the objective is none$/],
  ['lost writes just before the fault', withLoss({ lost: 1, rpaMs: 0 }), 'failed', /^1 acknowledged writes were lost/],
  ['doubled writes', withLoss({ doubled: 1 }), 'failed', /^1 writes are there twice$/],
  ['a failed step', withEvents(failedStep), 'failed', /^step "promote" failed: pg2 did not promote$/],
  ['a finding', withEvents(finding), 'passed-with-findings', /^the alert was slow$/],
]

for (const [name, events, verdict, why] of reasons) {
  test(`${name} makes a drill ${verdict}, and is the reason given`, () => {
    const judgement = judge(events)
    assert.equal(judgement.verdict, verdict)
    assert.match(judgement.why, why)
    assert.equal(judgement.reasons[0], judgement.why)
  })
}

test('without an outage or an objective no RTO is missed', () => {
  assert.equal(judge(changed('drill.started', () => ({ objectives: {} }))).verdict, 'passed')
  assert.equal(judge(numbered(0, [[0, passed[0] as EventBody]])).verdict, 'passed')
})

test('writes may be lost as far back as the objective allows, and not a millisecond more', () => {
  const relaxed = (event: DrillEvent): DrillEvent => event.type === 'drill.started' ? { ...event, objectives: { rpo: '1s' } } : event
  const within = (rpaMs: number): Verdict => judge(withLoss({ lost: 9, rpaMs }).map(relaxed)).verdict
  assert.deepEqual([within(1000), within(1001)], ['passed', 'failed'])
  const beyond = (lost: number, rpaMs: number, rpoMs: number): boolean => isBeyond({ lost, rpaMs }, rpoMs)
  assert.deepEqual([beyond(0, 0, 0), beyond(1, 0, 0), beyond(1, 5, 5), beyond(1, 6, 5)], [false, true, false, true])
})

test('a probe that was blind before the fault or after recovery proves as much as any', () => {
  const blind = (fromMs: number, toMs: number): Verdict =>
    judge(changed('probe.ended', event => ({ observation: { ...event.observation, blind: [{ fromMs, toMs, reason: 'x' }] } }))).verdict
  const fault = drillStart + 4600
  assert.deepEqual([blind(fault - 900, fault - 1), blind(fault + 11_851, fault + 20_000)], ['passed', 'passed'])
  assert.deepEqual([blind(fault - 900, fault), blind(fault + 11_850, fault + 20_000), blind(fault - 9000, fault + 90_000)], ['invalid', 'invalid', 'invalid'])
})

/** Worst first. */
const ranks: Verdict[] = ['aborted', 'invalid', 'failed', 'passed-with-findings', 'passed']
const worst: Array<[Verdict, EventBody]> = [['aborted', abort], ['aborted', rejected], ['invalid', lost], ['failed', leftBehind], ['failed', failedStep], ['passed-with-findings', finding]]

test('of all that went wrong the worst gives the verdict: aborted, invalid, failed, findings', () => {
  fc.assert(fc.property(fc.shuffledSubarray(worst), wrong => {
    const expected = ranks.find(verdict => verdict === 'passed' || wrong.some(([one]) => one === verdict))
    assert.equal(judge(withEvents(...wrong.map(([, body]) => body))).verdict, expected)
  }))
})

test('what was left behind stands among the reasons of an aborted and of an invalid drill too', () => {
  for (const body of [abort, lost]) assert.ok(judge(withEvents(body, leftBehind)).reasons.some(reason => reason.startsWith('left behind')))
})

test('a second abort is not a second reason', () => {
  assert.equal(judge(withEvents(abort, { ...abort, person: ana })).reasons.filter(reason => reason.startsWith('aborted by')).length, 1)
})

const started = passed[0]!
const struck = passed.find(event => event.type === 'fault.struck')!
const downs = passed.filter(event => event.type === 'probe.down')
const ups = passed.filter(event => event.type === 'probe.up')
const ended = passed.find((event): event is EventOf<'probe.ended'> => event.type === 'probe.ended')!
const compared = passed.find((event): event is EventOf<'check.answered'> => event.type === 'check.answered' && event.loss !== undefined)!
const blindIn = (observed: EventOf<'probe.ended'>): DrillEvent => ({ ...observed, observation: observation(drillStart, end, { blind: [{ fromMs: struck.atMs + 2000, toMs: struck.atMs + 5200, reason: 'its worker was stopped' }] }) })
const one = (body: EventBody): DrillEvent => ({ seq: 99, atMs: end, ...body })

/** What no green drill may hold, as the events that are enough to show it. */
const damning: Record<string, DrillEvent[]> = {
  'something left behind': [one(leftBehind)],
  'a probe that was blind in the outage': [downs[0]!, blindIn(ended)],
  'a lost probe': [one(lost)],
  'a witness that disagrees': [{ ...compared, loss: loss({ witness: { outcome: 'disagrees', detail: 'x' } }) }],
  'lost writes beyond the RPO': [started, { ...compared, loss: loss({ lost: 37, rpaMs: 0 }) }],
  'a missed RTO': [{ ...started, objectives: { rto: '5s' } } as DrillEvent, ...downs, ...ups],
  'a failed step': [one(failedStep)],
  'a fault without a probe': [struck],
}
/** Any of the events of any ending, beside those that damn it: but no second start, and no other answer of the probe. */
const others = (Object.keys(endings) as Ending[]).flatMap(ending => drillEvents(ending)).filter(event => event.type !== 'drill.started' && !event.type.startsWith('probe.'))

for (const [name, proof] of Object.entries(damning)) {
  test(`${name}: never passed, whatever else was recorded and in whatever order`, () => {
    fc.assert(fc.property(fc.shuffledSubarray(others, { maxLength: 60 }), fc.nat(), (rest, at) => {
      // A probe's edges keep their order among themselves, as the workflow numbers them; all else may stand anywhere.
      const events = proof.reduce<DrillEvent[]>((list, event, index) => list.toSpliced(Math.min(list.length, at % (rest.length + 1) + index), 0, event), rest)
      const { verdict } = judge(events)
      assert.ok(verdict !== 'passed' && verdict !== 'passed-with-findings', verdict)
    }))
  })
}

test('a judgement always has a reason, whatever is left of a timeline', () => {
  const all = (Object.keys(endings) as Ending[]).flatMap(ending => drillEvents(ending))
  fc.assert(fc.property(fc.shuffledSubarray(all, { maxLength: 60 }), events => {
    const { verdict, why, reasons } = judge(events)
    assert.ok(ranks.includes(verdict) && why.length > 0 && reasons[0] === why)
  }))
})

test('each verdict has the exit code of the CLI; findings fail where that is asked for', () => {
  assert.deepEqual(Object.fromEntries(ranks.map(verdict => [verdict, exitCodeOf(verdict)])), { aborted: 3, invalid: 5, failed: 1, 'passed-with-findings': 0, passed: 0 })
  assert.deepEqual(ranks.map(verdict => exitCodeOf(verdict, true)), [3, 5, 1, 1, 0])
})

test('a proof of the effect stands for an outage that nobody saw, and one without a pass makes the drill invalid', () => {
  const proof = (outcome: 'pass' | 'fail' | 'blind'): EventBody => ({ type: 'check.answered', step: 'proof', check: 'api.down', outcome, observed: 'api1 answers', expected: 'it does not', provesEffect: true })
  const unseen = (...bodies: EventBody[]): DrillEvent[] => [...without('probe.down', 'probe.up'), ...bodies.map((body): DrillEvent => ({ seq: 99, atMs: end, ...body }))]
  assert.equal(judge(unseen()).verdict, 'invalid')
  assert.equal(judge(unseen(proof('pass'))).verdict, 'passed')
  assert.match(judge(unseen(proof('pass'))).why, /^the probe saw no outage/)
  assert.deepEqual(judge(unseen(proof('pass'), proof('blind'))).verdict, 'invalid')
  assert.match(judge(unseen(proof('fail'))).why, /^the fault of step ".*" had no proven effect: api1 answers$/)
  assert.equal(judge(withEvents(proof('fail'))).verdict, 'invalid')
})
