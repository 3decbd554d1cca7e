import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ApplicationFailure } from '@temporalio/common'
import type { DrillInput } from '../src/drill/input.js'
import { alert } from '../workflows/messages.js'
import { sendEdge } from '../src/temporal/drills.js'
import { drillsOfThisFile, soon } from './fixtures/drills.js'
import { ben, cut, drillOf, gate, kill, otto } from './fixtures/temporal.js'

const drills = drillsOfThisFile()
const { eventsOf, find, result, run, until, untilFree, waitingAt } = drills

describe('a drill that goes well', () => {
  test('undoes what it still owes, in reverse order, and passes', async () => {
    const input = drillOf([cut('a'), cut('b'), { id: 'look', kind: 'check', check: 'http.ok', with: { url: 'http://x' } }])
    assert.equal((await run(input)).verdict, 'passed')
    assert.deepEqual(drills.world.calls, ['do a', 'do b', 'check http://x', 'undo b', 'undo a'])
    assert.equal(drills.world.broken.size, 0)
  })

  test('records every event once, numbered without a gap', async () => {
    const input = drillOf([cut('a'), { id: 'pause', kind: 'wait', for: '120ms' }, cut('b')])
    await run(input)
    assert.deepEqual(eventsOf(input).map(event => event.seq), eventsOf(input).map((_, index) => index + 1))
    assert.equal(eventsOf(input).at(-1)?.type, 'drill.ended')
  })

  test('has its end for its last event, whoever signals while it is still being recorded', async () => {
    const input = drillOf([{ id: 'look', kind: 'check', check: 'http.ok', with: { url: 'http://x' } }])
    drills.world.storeIsDown = true
    await drills.temporal.door.start(input)
    await until(input, status => status.phase === 'ended')
    await drills.temporal.client.workflow.getHandle(input.drillId).signal(alert, { name: 'DatabaseDown', state: 'resolved', startsAtMs: 1, labels: {} } as never)
    drills.world.storeIsDown = false
    await result(input)
    assert.equal(eventsOf(input).at(-1)?.type, 'drill.ended')
    assert.equal(find(input, 'alert.arrived').length, 0)
  })

  test('writes the undo entry before the action runs', async () => {
    const input = drillOf([cut('a')])
    await run(input)
    const types = eventsOf(input).map(event => event.type)
    assert.ok(types.indexOf('undo.owed') < types.indexOf('step.finished'))
  })

  test('hands the output of a step to a later one', async () => {
    const input = drillOf([cut('a'), { id: 'look', kind: 'check', check: 'http.ok', with: { url: 'http://{{ steps.a.output.name }}' } }])
    assert.equal((await run(input)).verdict, 'passed')
    assert.ok(drills.world.calls.includes('check http://a'))
  })

  test('fails a step whose lookup leads to nothing, and says what there is', async () => {
    const input = drillOf([cut('a'), { id: 'look', kind: 'check', check: 'http.ok', with: { url: '{{ steps.a.output.nothing }}' } }])
    assert.equal((await run(input)).verdict, 'failed')
    assert.match(find(input, 'step.finished').find(event => event.step === 'look')!.summary, /leads to nothing.*name/)
    assert.equal(drills.world.broken.size, 0)
  })

  test('a step that throws fails with its own code and words, whatever lay behind it', async () => {
    drills.world.throws.set('http://x', ApplicationFailure.create({ type: 'control.failed', message: 'the node does not answer', nonRetryable: true, cause: new Error('connect ECONNREFUSED') }))
    const input = drillOf([{ id: 'look', kind: 'check', check: 'http.ok', with: { url: 'http://x' } }])
    assert.equal((await run(input)).verdict, 'failed')
    assert.deepEqual(find(input, 'step.finished')[0]!.error, { code: 'control.failed', message: 'the node does not answer' })
  })

  test('skips a step by when and unless', async () => {
    const input = drillOf([{ ...cut('a'), when: false }, { ...cut('b'), unless: true }, cut('c')])
    await run(input)
    assert.deepEqual(drills.world.calls, ['do c', 'undo c'])
    assert.equal(find(input, 'step.skipped').length, 2)
  })

  test('heals an earlier action at once by an undo step, and not again at the end', async () => {
    const input = drillOf([cut('a'), cut('b'), { id: 'heal', kind: 'undo', of: 'a' }])
    assert.equal((await run(input)).verdict, 'passed')
    assert.deepEqual(drills.world.calls, ['do a', 'do b', 'undo a', 'undo b'])
  })

  test('runs the branches of parallel side by side', async () => {
    drills.world.slowMs = 150
    const input = drillOf([{ id: 'both', kind: 'parallel', branches: [[cut('a')], [cut('b')]] }])
    assert.equal((await run(input)).verdict, 'passed')
    const started = find(input, 'step.started')
    const finished = find(input, 'step.finished')
    assert.ok(started.find(event => event.step === 'b')!.atMs < finished.find(event => event.step === 'a')!.atMs)
  })
})

describe('unwinding', () => {
  test('waits for the action of one branch when an abort ends the wait of another', async () => {
    drills.world.slowMs = 60_000
    drills.world.isDeaf = true
    const input = drillOf([{ id: 'both', kind: 'parallel', branches: [[cut('a')], [{ id: 'pause', kind: 'wait', for: '60s' }]] }])
    await drills.temporal.door.start(input)
    await until(input, () => drills.world.calls.includes('do a'))
    await drills.temporal.door.abort(input.drillId, { person: ben, door: 'api', reason: 'enough' })
    assert.equal((await result(input)).verdict, 'aborted')
    assert.equal(drills.world.broken.size, 0, 'what it broke after it was told to stop is undone')
    assert.deepEqual(find(input, 'undo.finished').map(event => event.state), ['undone'])
  })

  const steps = ['a', 'b', 'c']
  for (const moment of ['before', 'after'] as const) {
    for (const at of steps) {
      test(`a drill that fails at ${at}, ${moment} its effect, leaves nothing broken`, async () => {
        drills.world.faults.set(`do ${at}`, [moment, moment, moment])
        const input = drillOf(steps.map(cut))
        assert.equal((await run(input)).verdict, 'failed')
        assert.equal(drills.world.broken.size, 0)
        assert.deepEqual(find(input, 'undo.finished').map(event => event.entry), steps.slice(0, steps.indexOf(at) + 1).reverse())
      })
      test(`a step ${at} that runs twice, since its first try died ${moment} its effect, ends well`, async () => {
        drills.world.faults.set(`do ${at}`, [moment])
        const input = drillOf(steps.map(cut))
        assert.equal((await run(input)).verdict, 'passed')
        assert.equal(find(input, 'step.finished').length, 3)
        assert.equal(drills.world.broken.size, 0)
      })
      test(`an undo of ${at} that runs twice, since its first try died ${moment} its effect, ends well`, async () => {
        drills.world.faults.set(`undo ${at}`, [moment])
        const input = drillOf(steps.map(cut))
        assert.equal((await run(input)).verdict, 'passed')
        assert.equal(drills.world.broken.size, 0)
      })
    }
  }

  test('what cannot be undone is left behind in red, with the command, and nothing is green', async () => {
    drills.world.faults.set('undo b', ['always'])
    const input = drillOf(steps.map(cut), { runbook: { undoDeadline: '500ms' } })
    const { verdict, why } = await run(input)
    assert.equal(verdict, 'failed')
    assert.match(why, /left behind: heal link b/)
    assert.deepEqual([...drills.world.broken], ['b'])
    const [left] = find(input, 'undo.leftBehind')
    assert.match(left!.byHand, /POST .*proxies\/b/)
    assert.deepEqual(find(input, 'finding.raised').map(event => event.severity), ['critical'])
  })

  test('an undo that needs what a later one heals waits for it', async () => {
    drills.world.needs.set('second', 'first')
    const input = drillOf([kill('first'), kill('second')], { runbook: { undoDeadline: '20s' } })
    await run(input)
    assert.equal(drills.world.broken.size, 0)
    assert.equal(find(input, 'undo.leftBehind').length, 0)
  })

  test('links heal before anything else', async () => {
    const input = drillOf([cut('link'), kill('process')])
    await run(input)
    assert.deepEqual(drills.world.calls.slice(-2), ['undo link', 'undo process'])
  })
})

describe('detection and the probe', () => {
  const detect = (sources: Array<'alert' | 'declaration' | 'probe'>, more = {}): DrillInput['runbook']['steps'][number] =>
    ({ id: 'detect', kind: 'wait', until: { detected: sources, alerts: ['PostgresDown'] }, deadline: '3s', ...more })
  const observing = { observe: { probe: { interval: '100ms', timeout: '500ms', failures: 3, successes: 3 } } }

  test('an alert that was asked for ends the wait; another, or one from before the fault, does not', async () => {
    const input = drillOf([kill('db'), detect(['alert'])], { runbook: observing })
    await drills.temporal.door.start(input)
    await drills.temporal.door.alert(input.environment.name, { name: 'PostgresDown', state: 'firing', arrivedAtMs: 1000, startsAtMs: 1 })
    const { startedAtMs } = await until(input, status => status.steps.find(step => step.id === 'detect')!.state === 'running')
    await drills.temporal.door.alert(input.environment.name, { name: 'Other', state: 'firing', arrivedAtMs: Date.now(), startsAtMs: 2 })
    await drills.temporal.door.alert(input.environment.name, { name: 'PostgresDown', state: 'firing', arrivedAtMs: Date.now(), startsAtMs: 3 })
    await result(input)
    const [detected] = find(input, 'outage.detected')
    assert.equal(detected!.by, 'alert PostgresDown')
    assert.ok(detected!.detectedAtMs >= startedAtMs)
  })

  test('an alert that comes in one with the end of a later fault has noticed something else: the wait goes on', async () => {
    drills.world.openEnded.add('db')
    const input = drillOf([{ id: 'both', kind: 'parallel', branches: [[kill('db')], [detect(['alert'], { deadline: '30s' })]] }], { runbook: observing })
    const { activity, workflow } = drills.temporal.client
    const fire = async (startsAtMs: number): Promise<unknown> => await drills.temporal.door.alert(input.environment.name, { name: 'PostgresDown', state: 'firing', arrivedAtMs: Date.now(), startsAtMs })
    await drills.temporal.door.start(input)
    await until(input, status => status.steps.find(step => step.id === 'detect')!.state === 'running')
    await soon('the fault is being made', () => drills.world.calls.includes('do db'))
    const { raw } = await workflow.getHandle(input.drillId).describe()
    const { activityId } = raw.pendingActivities!.find(one => one.activityType?.name === 'component.kill')!
    // The next worker is told of both at once.
    await drills.stopWorker()
    await fire(1)
    await activity.complete({ workflowId: input.drillId, activityId: activityId! }, { summary: 'broke db', faultAtMs: Date.now() + 1 })
    await drills.work()
    await soon('the fault has struck', () => find(input, 'fault.struck').length > 0)
    assert.deepEqual([find(input, 'alert.arrived').length, find(input, 'outage.detected').length], [1, 0])
    await soon('a later moment', () => Date.now() > find(input, 'fault.struck')[0]!.faultAtMs)
    await fire(2)
    await result(input)
    assert.ok(find(input, 'outage.detected')[0]!.detectedAtMs >= find(input, 'fault.struck')[0]!.faultAtMs)
  })

  test("a person's declaration ends the wait, once", async () => {
    const input = drillOf([kill('db'), detect(['alert', 'declaration'])], { runbook: observing })
    await drills.temporal.door.start(input)
    await until(input, status => status.steps.find(step => step.id === 'detect')!.state === 'running')
    assert.deepEqual(await drills.temporal.door.declare(input.drillId, { person: otto, door: 'api' }), { outcome: 'declared' })
    await result(input)
    assert.equal(find(input, 'outage.detected')[0]!.by, 'Otto')
  })

  test('nobody noticed: the step fails at its deadline and everything is undone', async () => {
    const input = drillOf([kill('db'), detect(['alert'], { deadline: '200ms' })], { runbook: observing })
    await run(input)
    assert.match(find(input, 'step.finished').find(event => event.step === 'detect')!.summary, /nobody noticed within 200ms/)
    assert.equal(drills.world.broken.size, 0)
  })

  test('a fault without effect makes the drill invalid, never passed', async () => {
    const input = drillOf([kill('db')], { runbook: observing })
    const { verdict, why } = await run(input)
    assert.equal(verdict, 'invalid')
    assert.match(why, /no effect/)
  })

  test('a fault that nothing observes makes the drill invalid', async () => {
    const { verdict, why } = await run(drillOf([kill('db')]))
    assert.equal(verdict, 'invalid')
    assert.match(why, /nothing was observed/)
  })

  test('down, then up again: recovered, and the clock says how long', async () => {
    const input = drillOf([kill('db'), detect(['probe']), { id: 'heal', kind: 'undo', of: 'db' }, { id: 'recovered', kind: 'wait', until: { recovered: true }, deadline: '3s' }], { runbook: observing })
    await drills.temporal.door.start(input)
    await until(input, status => status.steps.find(step => step.id === 'detect')!.state === 'running')
    const now = Date.now()
    await sendEdge(drills.temporal.client, input.drillId, { edge: 'down', target: 'database', firstFailedAtMs: now, confirmedAtMs: now + 200, error: 'refused' })
    await until(input, status => status.steps.find(step => step.id === 'recovered')!.state === 'running')
    await sendEdge(drills.temporal.client, input.drillId, { edge: 'up', target: 'database', firstGoodAtMs: now + 700, confirmedAtMs: now + 900 })
    assert.equal((await result(input)).verdict, 'passed')
    assert.equal((await drills.temporal.door.status(input.drillId)).clock.rtaTechnicalMs, 700)
  })

  test('a recovery that the probe has not confirmed when the last step ends is still seen; one that does not come is not waited for any longer', async () => {
    const lookingFor = async (probe: object): Promise<DrillInput> => {
      const input = drillOf([kill('db'), detect(['probe']), { id: 'heal', kind: 'undo', of: 'db' }], { runbook: { observe: { probe: { ...observing.observe.probe, ...probe } } } })
      await drills.temporal.door.start(input)
      await until(input, status => status.steps.find(step => step.id === 'detect')!.state === 'running')
      await sendEdge(drills.temporal.client, input.drillId, { edge: 'down', target: 'database', firstFailedAtMs: Date.now(), confirmedAtMs: Date.now(), error: 'refused' })
      return input
    }
    const [seen, gone] = await Promise.all([lookingFor({ timeout: '20s' }), lookingFor({ timeout: '1ms', interval: '10ms' })])
    await until(seen, status => status.phase === 'unwinding')
    await sendEdge(drills.temporal.client, seen.drillId, { edge: 'up', target: 'database', firstGoodAtMs: Date.now(), confirmedAtMs: Date.now() })
    assert.equal((await result(seen)).verdict, 'passed')
    assert.match((await result(gone)).why, /did not recover while the drill watched/)
  })

  test('an outage and the gate that it opens come in one record', async () => {
    const input = drillOf([kill('db'), detect(['probe']), gate('go')], { runbook: observing, recordEveryMs: 1 })
    await drills.temporal.door.start(input)
    await soon('the fault on record', () => find(input, 'step.started').some(event => event.step === 'detect'))
    await sendEdge(drills.temporal.client, input.drillId, { edge: 'down', target: 'database', firstFailedAtMs: Date.now(), confirmedAtMs: Date.now(), error: 'refused' })
    await soon('the gate on record', () => find(input, 'gate.opened').length > 0)
    const record = drills.world.records.find(types => types.includes('probe.down'))!
    assert.ok(record.includes('gate.opened'), `with the outage came ${record.join(', ')}`)
    await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '1' })
    await result(input)
  })

  test('a probe that was blind while it mattered makes the drill invalid', async () => {
    const input = drillOf([kill('db'), detect(['probe'])], { runbook: observing })
    const now = Date.now()
    drills.world.observation = { blind: [{ fromMs: now - 1000, toMs: now + 60_000, reason: 'its worker was stopped' }] }
    await drills.temporal.door.start(input)
    await until(input, status => status.steps.find(step => step.id === 'detect')!.state === 'running')
    await sendEdge(drills.temporal.client, input.drillId, { edge: 'down', target: 'database', firstFailedAtMs: Date.now(), confirmedAtMs: Date.now(), error: 'refused' })
    const { verdict, why } = await result(input)
    assert.equal(verdict, 'invalid')
    assert.match(why, /blind.*its worker was stopped/)
  })

  test('a probe that cannot begin: nothing is broken, the drill is invalid', async () => {
    drills.world.observeFails = true
    const { verdict, why } = await run(drillOf([kill('db')], { runbook: observing }))
    assert.equal(verdict, 'invalid')
    assert.match(why, /no target answers/)
    assert.deepEqual(drills.world.calls, [])
  })
})

describe('the record', () => {
  test('a store that is down delays the record, never the drill', async () => {
    drills.world.storeIsDown = true
    const input = drillOf([cut('a'), gate('go')])
    await drills.temporal.door.start(input)
    await waitingAt(input, 'go')
    await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '1' })
    await until(input, status => status.phase === 'ended')
    assert.deepEqual(eventsOf(input), [])
    // The environment is free while the record waits.
    await untilFree(input.environment.name)
    drills.world.storeIsDown = false
    assert.equal((await result(input)).verdict, 'passed')
    assert.equal(eventsOf(input).at(-1)?.type, 'drill.ended')
  })

  test("Temporal's UI shows the runbook as a list and the drill's attributes, gate after gate", async () => {
    const input = drillOf([cut('a'), { id: 'pause', kind: 'wait', for: '1500ms' }, gate('go'), gate('end')])
    await drills.temporal.door.start(input)
    const handle = drills.temporal.client.workflow.getHandle(input.drillId)
    const listed = async (line: RegExp): Promise<void> => {
      let seen = ''
      for (const end = Date.now() + 10_000; !line.test(seen) && Date.now() < end;) seen = (await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata')).currentDetails ?? ''
      assert.match(seen, line)
    }
    const attribute = async (name: string): Promise<unknown> => (await handle.describe()).typedSearchAttributes.getAll().find(pair => pair.key.name === name)?.value
    await listed(/^\*\*THIS IS A DRILL\*\*[^]*\n- ✅ [^\n]+\n- ⏳ pause\n- ▫️ go\n- ▫️ end$/)
    assert.match(await (await handle.describe()).staticSummary() ?? '', /A test/)
    for (const step of ['go', 'end']) {
      await waitingAt(input, step)
      await listed(new RegExp(`\\n- 🙋 \\*\\*waiting for approver\\*\\* \\(0 of 1\\): \`[^\`]+ ${step}\`\\n`))
      assert.equal(await attribute('MusterWaitingFor'), step)
      await drills.temporal.door.decide(input.drillId, { step, answer: 'approve', person: ben, door: 'api', key: step })
    }
    assert.equal((await result(input)).verdict, 'passed')
    assert.equal(await attribute('MusterPhase'), 'ended')
  })
})

describe('nested runbooks', () => {
  const nested = (steps: DrillInput['runbook']['steps']): DrillInput['runbooks'] =>
    ({ inner: { name: 'inner', title: 'Inner', type: 'verification', environments: ['tier:lab'], params: { url: { type: 'string' } }, undoDeadline: '2s', steps } })
  const outer: DrillInput['runbook']['steps'] = [cut('a'), { id: 'sub', kind: 'runbook', runbook: 'inner', params: { url: 'http://inner' } }, cut('z')]

  test('run as a child drill with a ledger and a timeline of its own, and with its parent’s lock', async () => {
    const input = drillOf(outer, { runbooks: nested([cut('b'), { id: 'look', kind: 'check', check: 'http.ok', with: { url: '{{ params.url }}' } }]) })
    assert.equal((await run(input)).verdict, 'passed')
    assert.deepEqual(drills.world.calls, ['do a', 'do b', 'check http://inner', 'undo b', 'do z', 'undo z', 'undo a'])
    assert.equal(drills.world.recorded.get(`${input.drillId}.sub`)?.at(-1)?.type, 'drill.ended')
  })

  test('one that fails stops its parent, which unwinds too', async () => {
    drills.world.checks.set('http://inner', ['fail'])
    const input = drillOf(outer, { runbooks: nested([cut('b'), { id: 'look', kind: 'check', check: 'http.ok', with: { url: '{{ params.url }}' } }]) })
    assert.equal((await run(input)).verdict, 'failed')
    assert.equal(drills.world.broken.size, 0)
    assert.ok(!drills.world.calls.includes('do z'))
  })

  test('an abort of the parent unwinds the nested drill first', async () => {
    const input = drillOf(outer, { runbooks: nested([cut('b'), gate('inside')]) })
    await drills.temporal.door.start(input)
    const child = { ...input, drillId: `${input.drillId}.sub` }
    await until(input, status => status.steps.find(step => step.id === 'sub')?.state === 'running')
    for (let tries = 0; tries < 200 && !drills.world.broken.has('b'); tries++) await new Promise(resolve => setTimeout(resolve, 10))
    await waitingAt(child, 'inside')
    await drills.temporal.door.abort(input.drillId, { person: ben, door: 'api', reason: 'stop' })
    assert.equal((await result(input)).verdict, 'aborted')
    assert.deepEqual(drills.world.calls.slice(-2), ['undo b', 'undo a'])
  })
})

describe('leases', () => {
  test('what the watchdog had to revert ends the work and makes the drill invalid, never green', async () => {
    const input = drillOf([kill('a'), gate('go'), cut('b')])
    await drills.temporal.door.start(input)
    await waitingAt(input, 'go')
    drills.world.broken.delete('a')
    drills.world.reverts.push({ drillId: input.drillId, stepId: 'a', action: 'component.kill', with: {} as never, leaseMs: 2000, heldSinceMs: 1, revertedAtMs: 5, reason: 'its lease of 2 s was not renewed', summary: 'a runs', by: { pid: 1, host: 'h' } })
    const { verdict, why } = await result(input)
    assert.equal(verdict, 'invalid')
    assert.match(why, /the watchdog reverted the fault of step "a" \(its lease of 2 s was not renewed\): a runs/)
    assert.deepEqual(drills.world.calls, ['do a', 'undo a'], 'no further step, and the ledger is settled')
    assert.equal(find(input, 'lease.reverted').length, 1)
    assert.equal(find(input, 'abort.requested').length, 0)
    assert.equal(find(input, 'gate.closed')[0]?.outcome, 'aborted')
  })

  test('a revert that only the undo finds is told as well', async () => {
    const input = drillOf([kill('a')])
    drills.world.revertedBeforeUndo = 'its lease of 2 s was not renewed'
    const { verdict } = await run(input)
    assert.equal(verdict, 'invalid')
    assert.equal(find(input, 'lease.reverted').length, 1)
  })

  test('a leased action carries its lease: the step’s, else the default, never above the runbook’s maximum', async () => {
    const input = drillOf([cut('a'), { ...cut('b'), lease: '7s' } as never, { id: 'c', kind: 'action', action: 'postgres.fence', with: {} }], { runbook: { maxLease: '10s' } })
    await run(input)
    assert.deepEqual(drills.world.leases, { a: 10_000, b: 7_000, c: undefined })
  })
})
