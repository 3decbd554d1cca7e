import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { DrillResult } from '../workflows/drill.js'
import type { DrillInput } from '../src/drill/input.js'
import type { DrillStatus } from '../src/drill/status.js'
import type { DrillEvent, EventOf, EventType } from '../src/drill/timeline.js'
import { sendEdge } from '../src/temporal/drills.js'
import { World } from './fixtures/world.js'
import { ana, ben, cleo, cut, drillOf, gate, kill, otto, startTemporal, type TestTemporal } from './fixtures/temporal.js'

let temporal: TestTemporal
let world: World
let worker: { stop: () => Promise<void> }

// One worker for the file: what changes from test to test is the world that its activities reach.
before(async () => {
  temporal = await startTemporal()
  const names = Object.keys(new World().activities())
  worker = await temporal.work(Object.fromEntries(names.map(name => [name, async (input: never) => await world.activities()[name]!(input)])))
})
after(async () => {
  await worker?.stop()
  await temporal?.stop()
})
beforeEach(() => {
  world = new World()
  world.holderOf = async environment => await temporal.door.holder(environment)
  world.sendEdge = async (drillId, edge) => { await sendEdge(temporal.client, drillId, edge as never) }
})

const result = async (input: DrillInput): Promise<DrillResult> => await temporal.client.workflow.getHandle(input.drillId).result() as DrillResult
const run = async (input: DrillInput): Promise<DrillResult> => {
  await temporal.door.start(input)
  return await result(input)
}
const eventsOf = (input: DrillInput): DrillEvent[] => world.recorded.get(input.drillId) ?? []
const find = <T extends EventType>(input: DrillInput, type: T): Array<EventOf<T>> => eventsOf(input).filter((event): event is EventOf<T> => event.type === type)

/** Waits until the drill says so: no sleep, the condition itself. */
async function until (input: DrillInput, good: (status: DrillStatus) => boolean): Promise<DrillStatus> {
  for (let tries = 0; tries < 400; tries++) {
    const status = await temporal.door.status(input.drillId)
    if (good(status)) return status
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`never so: ${JSON.stringify(await temporal.door.status(input.drillId))}`)
}
const waitingAt = async (input: DrillInput, step: string): Promise<DrillStatus> => await until(input, status => status.waitingFor.some(waiting => waiting.step === step))
const refusedWith = async (code: string, message: RegExp, call: Promise<unknown>): Promise<void> => {
  await assert.rejects(call, (error: { code?: string, message: string }) => {
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  })
}

describe('a drill that goes well', () => {
  test('undoes what it still owes, in reverse order, and passes', async () => {
    const input = drillOf([cut('a'), cut('b'), { id: 'look', kind: 'check', check: 'http.ok', with: { url: 'http://x' } }])
    assert.equal((await run(input)).verdict, 'passed')
    assert.deepEqual(world.calls, ['do a', 'do b', 'check http://x', 'undo b', 'undo a'])
    assert.equal(world.broken.size, 0)
  })

  test('records every event once, numbered without a gap', async () => {
    const input = drillOf([cut('a'), { id: 'pause', kind: 'wait', for: '120ms' }, cut('b')])
    await run(input)
    assert.deepEqual(eventsOf(input).map(event => event.seq), eventsOf(input).map((_, index) => index + 1))
    assert.equal(eventsOf(input).at(-1)?.type, 'drill.ended')
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
    assert.ok(world.calls.includes('check http://a'))
  })

  test('fails a step whose lookup leads to nothing, and says what there is', async () => {
    const input = drillOf([cut('a'), { id: 'look', kind: 'check', check: 'http.ok', with: { url: '{{ steps.a.output.nothing }}' } }])
    assert.equal((await run(input)).verdict, 'failed')
    assert.match(find(input, 'step.finished').find(event => event.step === 'look')!.summary, /leads to nothing.*name/)
    assert.equal(world.broken.size, 0)
  })

  test('skips a step by when and unless', async () => {
    const input = drillOf([{ ...cut('a'), when: false }, { ...cut('b'), unless: true }, cut('c')])
    await run(input)
    assert.deepEqual(world.calls, ['do c', 'undo c'])
    assert.equal(find(input, 'step.skipped').length, 2)
  })

  test('heals an earlier action at once by an undo step, and not again at the end', async () => {
    const input = drillOf([cut('a'), cut('b'), { id: 'heal', kind: 'undo', of: 'a' }])
    assert.equal((await run(input)).verdict, 'passed')
    assert.deepEqual(world.calls, ['do a', 'do b', 'undo a', 'undo b'])
  })

  test('runs the branches of parallel side by side', async () => {
    world.slowMs = 150
    const input = drillOf([{ id: 'both', kind: 'parallel', branches: [[cut('a')], [cut('b')]] }])
    assert.equal((await run(input)).verdict, 'passed')
    const started = find(input, 'step.started')
    const finished = find(input, 'step.finished')
    assert.ok(started.find(event => event.step === 'b')!.atMs < finished.find(event => event.step === 'a')!.atMs)
  })
})

describe('unwinding', () => {
  const steps = ['a', 'b', 'c']
  for (const moment of ['before', 'after'] as const) {
    for (const at of steps) {
      test(`a drill that fails at ${at}, ${moment} its effect, leaves nothing broken`, async () => {
        world.faults.set(`do ${at}`, [moment, moment, moment])
        const input = drillOf(steps.map(cut))
        assert.equal((await run(input)).verdict, 'failed')
        assert.equal(world.broken.size, 0)
        assert.deepEqual(find(input, 'undo.finished').map(event => event.entry), steps.slice(0, steps.indexOf(at) + 1).reverse())
      })
      test(`a step ${at} that runs twice, since its first try died ${moment} its effect, ends well`, async () => {
        world.faults.set(`do ${at}`, [moment])
        const input = drillOf(steps.map(cut))
        assert.equal((await run(input)).verdict, 'passed')
        assert.equal(find(input, 'step.finished').length, 3)
        assert.equal(world.broken.size, 0)
      })
      test(`an undo of ${at} that runs twice, since its first try died ${moment} its effect, ends well`, async () => {
        world.faults.set(`undo ${at}`, [moment])
        const input = drillOf(steps.map(cut))
        assert.equal((await run(input)).verdict, 'passed')
        assert.equal(world.broken.size, 0)
      })
    }
  }

  test('what cannot be undone is left behind in red, with the command, and nothing is green', async () => {
    world.faults.set('undo b', ['always'])
    const input = drillOf(steps.map(cut), { runbook: { undoDeadline: '500ms' } })
    const { verdict, why } = await run(input)
    assert.equal(verdict, 'failed')
    assert.match(why, /left behind: heal link b/)
    assert.deepEqual([...world.broken], ['b'])
    const [left] = find(input, 'undo.leftBehind')
    assert.match(left!.byHand, /POST .*proxies\/b/)
    assert.deepEqual(find(input, 'finding.raised').map(event => event.severity), ['critical'])
  })

  test('an undo that needs what a later one heals waits for it', async () => {
    world.needs.set('second', 'first')
    const input = drillOf([kill('first'), kill('second')], { runbook: { undoDeadline: '20s' } })
    await run(input)
    assert.equal(world.broken.size, 0)
    assert.equal(find(input, 'undo.leftBehind').length, 0)
  })

  test('links heal before anything else', async () => {
    const input = drillOf([cut('link'), kill('process')])
    await run(input)
    assert.deepEqual(world.calls.slice(-2), ['undo link', 'undo process'])
  })
})

describe('gates', () => {
  test('a quorum of two different people opens it', async () => {
    const input = drillOf([gate('go', { approvals: 2 }), cut('a')])
    await temporal.door.start(input)
    await waitingAt(input, 'go')
    assert.deepEqual(await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '1' }), { outcome: 'undecided', missing: 1 })
    await refusedWith('decision.twice', /Ben has answered/, temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '2' }))
    assert.deepEqual(await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: cleo, door: 'api', key: '3' }), { outcome: 'approved', missing: 0 })
    assert.equal((await result(input)).verdict, 'passed')
  })

  test('a click that arrives twice counts once and hears the same answer', async () => {
    const input = drillOf([gate('go', { approvals: 2 })])
    await temporal.door.start(input)
    await waitingAt(input, 'go')
    const click = { step: 'go', answer: 'approve' as const, person: ben, door: 'slack' as const, key: 'click-1' }
    assert.deepEqual(await temporal.door.decide(input.drillId, click), await temporal.door.decide(input.drillId, click))
    await temporal.door.decide(input.drillId, { ...click, person: cleo, key: 'click-2' })
    await result(input)
    assert.equal(find(input, 'gate.decided').length, 2)
  })

  test('the requester may not approve, but may reject', async () => {
    const both = { ...ana, roles: [...ana.roles, 'approver' as const] }
    const input = drillOf([gate('go'), cut('a')], { commander: both })
    await temporal.door.start(input)
    await waitingAt(input, 'go')
    await refusedWith('decision.requester', /Ana started this drill/, temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: both, door: 'api', key: '1' }))
    await temporal.door.decide(input.drillId, { step: 'go', answer: 'reject', reason: 'not today', person: both, door: 'api', key: '2' })
    const { verdict, why } = await result(input)
    assert.equal(verdict, 'aborted')
    assert.match(why, /rejected by Ana: not today/)
    assert.deepEqual(world.calls, [])
  })

  test('who lacks the role, names no gate, comes too early or too late is told exactly that', async () => {
    const input = drillOf([gate('first'), gate('second')])
    await temporal.door.start(input)
    await waitingAt(input, 'first')
    const say = (step: string, person = ben) => temporal.door.decide(input.drillId, { step, answer: 'approve', person, door: 'api', key: `${step}-${person.id}` })
    await refusedWith('decision.role', /decided by approver; Otto is observer/, say('first', otto))
    await refusedWith('gate.unknown', /no gate "third"/, say('third'))
    await refusedWith('gate.notOpen', /"second" is not open yet/, say('second'))
    await say('first')
    await waitingAt(input, 'second')
    await refusedWith('gate.closed', /already closed: approved by Ben/, say('first', cleo))
    await say('second')
    await result(input)
    await refusedWith('drill.over', /already closed/, say('second', cleo))
  })

  test('nobody answers: the drill is aborted and undone, with reminders before', async () => {
    const input = drillOf([cut('a'), gate('go', { deadline: '400ms', reminders: ['200ms'] })])
    const { verdict, why } = await run(input)
    assert.equal(verdict, 'aborted')
    assert.match(why, /nobody answered gate "go"/)
    assert.equal(find(input, 'gate.reminded').length, 1)
    assert.equal(world.broken.size, 0)
  })

  test('a gate says who can answer now; a deputy does, and the record says for whom', async () => {
    const away = { ...ben, awayUntilMs: Date.parse('2099-01-01T00:00:00Z') }
    const dora = { id: 'dora', name: 'Dora', roles: [], standsInFor: [{ ...ben, fourEyes: false }] }
    world.onCall = async () => [ana, away, dora]
    const input = drillOf([gate('go', { deadline: '60s' })])
    await temporal.door.start(input)
    const { waitingFor } = await until(input, status => status.waitingFor[0]?.canAnswer !== undefined)
    assert.equal(waitingFor[0]!.canAnswer, 'Dora (for Ben)')
    await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: dora, door: 'api', key: 'k' })
    await result(input)
    assert.deepEqual(find(input, 'gate.decided')[0]!.for, { id: 'ben', name: 'Ben' })
    assert.match(find(input, 'step.finished')[0]!.summary, /approved by Dora \(for Ben\)/)
  })

  test('who can answer cannot be asked: the gate stands all the same', async () => {
    world.onCall = async () => { throw new Error('the store is down') }
    const input = drillOf([gate('go', { deadline: '60s' })])
    await temporal.door.start(input)
    await waitingAt(input, 'go')
    await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: 'k' })
    assert.equal((await result(input)).verdict, 'passed')
    assert.deepEqual(find(input, 'people.asked'), [])
  })

  test('in production only who was trusted there decides and confirms; a service account nowhere', async () => {
    const steps = [gate('go', { deadline: '60s' }), { id: 'look', kind: 'task' as const, instructions: 'look', role: 'approver' as const, deadline: '60s' }]
    const input = drillOf(steps, { environment: { tier: 'production' }, runbook: { environments: ['tier:production'] }, production: true })
    await temporal.door.start(input)
    await waitingAt(input, 'go')
    const trusted = { ...ben, roles: [], grants: [{ role: 'approver' as const, in: 'tier:production', fourEyes: true }] }
    const robot = { ...trusted, id: 'ci', name: 'Ci', service: true }
    const say = async (person: typeof ben): Promise<unknown> => await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person, door: 'api', key: person.id })
    const confirm = async (person: typeof ben): Promise<unknown> => await temporal.door.confirm(input.drillId, { step: 'look', person, door: 'api', key: person.id })
    await refusedWith('decision.role', /Cleo is nothing in world-/, say(cleo))
    await refusedWith('decision.service', /Ci is a service account/, say(robot))
    await say(trusted)
    await waitingAt(input, 'look')
    await refusedWith('decision.role', /"look" is for approver; Cleo is nothing in world-/, confirm(cleo))
    await refusedWith('decision.service', /a task is done by a person/, confirm(robot))
    await confirm(trusted)
    assert.equal((await result(input)).verdict, 'passed')
  })

  test('hold: the gate stays open past its deadline, and says so', async () => {
    const input = drillOf([gate('go', { deadline: '100ms', onTimeout: 'hold' })])
    await temporal.door.start(input)
    await until(input, status => status.waitingFor[0]?.overdue === true)
    await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '1' })
    assert.equal((await result(input)).verdict, 'passed')
    assert.equal(find(input, 'gate.overdue').length, 1)
  })

  test('escalate: the next role may decide after the deadline', async () => {
    const input = drillOf([gate('go', { role: 'engineer', deadline: '150ms', onTimeout: 'escalate', escalateTo: 'management' })])
    await temporal.door.start(input)
    await until(input, status => status.waitingFor[0]?.roles.includes('management') === true)
    await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: cleo, door: 'api', key: '1' })
    assert.equal((await result(input)).verdict, 'passed')
  })

  test('break-glass: a signal counts only where the environment allows it, is marked unverified, and never fails the drill', async () => {
    const allowed = drillOf([gate('go')], { environment: { breakGlass: true } })
    const barred = drillOf([gate('go', { deadline: '3s' })])
    await Promise.all([temporal.door.start(allowed), temporal.door.start(barred)])
    await Promise.all([waitingAt(allowed, 'go'), waitingAt(barred, 'go')])
    for (const input of [allowed, barred]) {
      const handle = temporal.client.workflow.getHandle(input.drillId)
      await handle.signal('approval', 'nonsense')
      await handle.signal('approval', { step: 'go', answer: 'approve', person: { id: 'ben', name: 'Ben', roles: ['approver'] }, key: 'glass' })
    }
    assert.equal((await result(allowed)).verdict, 'passed')
    assert.equal(find(allowed, 'gate.decided')[0]!.verified, false)
    assert.equal((await result(barred)).verdict, 'aborted')
    assert.deepEqual(find(barred, 'message.refused').map(event => event.code), ['input.invalid', 'decision.unverified'])
  })

  test('a task is confirmed once, by who holds its role', async () => {
    const input = drillOf([{ id: 'call', kind: 'task', role: 'engineer', instructions: 'Call the bank', deadline: '5s' }])
    await temporal.door.start(input)
    await waitingAt(input, 'call')
    const eve = { id: 'eve', name: 'Eve', roles: ['engineer' as const] }
    await refusedWith('decision.role', /for engineer/, temporal.door.confirm(input.drillId, { step: 'call', person: otto, door: 'api', key: '1' }))
    await temporal.door.confirm(input.drillId, { step: 'call', person: eve, door: 'api', key: '2' })
    assert.equal((await result(input)).verdict, 'passed')
    assert.match(find(input, 'step.finished')[0]!.summary, /confirmed by Eve/)
  })
})

describe('abort', () => {
  test('at a gate: everything is undone, the report is complete, a second abort changes nothing', async () => {
    const input = drillOf([cut('a'), gate('go')])
    await temporal.door.start(input)
    await waitingAt(input, 'go')
    assert.deepEqual(await temporal.door.abort(input.drillId, { person: otto, door: 'api', reason: 'real incident' }), { outcome: 'aborting' })
    const { verdict, why } = await result(input)
    assert.equal(verdict, 'aborted')
    assert.match(why, /aborted by Otto: real incident/)
    assert.equal(world.broken.size, 0)
    await refusedWith('drill.over', /over/, temporal.door.abort(input.drillId, { person: otto, door: 'api', reason: 'again' }))
    assert.equal(find(input, 'abort.requested').length, 1)
  })

  test('in the middle of an action: it is told at once, waited for, and undone', async () => {
    world.slowMs = 60_000
    const input = drillOf([cut('a')])
    await temporal.door.start(input)
    await until(input, status => status.steps[0]!.state === 'running')
    await temporal.door.abort(input.drillId, { person: ben, door: 'api', reason: 'stop' })
    assert.equal((await result(input)).verdict, 'aborted')
    assert.ok(world.calls.includes('undo a'))
  })

  test('who holds no role may not', async () => {
    const input = drillOf([gate('go')])
    await temporal.door.start(input)
    await refusedWith('auth.forbidden', /holds no role/, temporal.door.abort(input.drillId, { person: { id: 'x', name: 'X', roles: [] }, door: 'api', reason: 'x' }))
    await temporal.door.abort(input.drillId, { person: ben, door: 'api', reason: 'end of test' })
    await result(input)
  })

  test("Temporal's own cancel is an abort like any other", async () => {
    const input = drillOf([cut('a'), gate('go')])
    await temporal.door.start(input)
    await waitingAt(input, 'go')
    await temporal.client.workflow.getHandle(input.drillId).cancel()
    assert.equal((await result(input)).verdict, 'aborted')
    assert.equal(world.broken.size, 0)
    assert.match(find(input, 'abort.requested')[0]!.reason, /cancelled/)
  })

  test("Temporal's cancel is an abort too where the interrupted action answers with an error of its own", async () => {
    world.slowMs = 60_000
    world.failsWhenInterrupted = true
    const input = drillOf([cut('a')])
    await temporal.door.start(input)
    await until(input, status => status.steps[0]!.state === 'running' && world.calls.includes('do a'))
    await temporal.client.workflow.getHandle(input.drillId).cancel()
    assert.equal((await result(input)).verdict, 'aborted')
    assert.ok(world.calls.includes('undo a'), 'what may have happened is undone')
  })
})

describe('leases', () => {
  test('what the watchdog had to revert ends the work and makes the drill invalid, never green', async () => {
    const input = drillOf([kill('a'), gate('go'), cut('b')])
    await temporal.door.start(input)
    await waitingAt(input, 'go')
    world.broken.delete('a')
    world.reverts.push({ drillId: input.drillId, stepId: 'a', action: 'component.kill', with: {} as never, leaseMs: 2000, heldSinceMs: 1, revertedAtMs: 5, reason: 'its lease of 2 s was not renewed', summary: 'a runs', by: { pid: 1, host: 'h' } })
    const { verdict, why } = await result(input)
    assert.equal(verdict, 'invalid')
    assert.match(why, /the watchdog reverted the fault of step "a" \(its lease of 2 s was not renewed\): a runs/)
    assert.deepEqual(world.calls, ['do a', 'undo a'], 'no further step, and the ledger is settled')
    assert.equal(find(input, 'lease.reverted').length, 1)
    assert.equal(find(input, 'abort.requested').length, 0)
    assert.equal(find(input, 'gate.closed')[0]?.outcome, 'aborted')
  })

  test('a revert that only the undo finds is told as well', async () => {
    const input = drillOf([kill('a')])
    world.revertedBeforeUndo = 'its lease of 2 s was not renewed'
    const { verdict } = await run(input)
    assert.equal(verdict, 'invalid')
    assert.equal(find(input, 'lease.reverted').length, 1)
  })

  test('a leased action carries its lease: the step’s, else the default, never above the runbook’s maximum', async () => {
    const input = drillOf([cut('a'), { ...cut('b'), lease: '7s' } as never, { id: 'c', kind: 'action', action: 'postgres.fence', with: {} }], { runbook: { maxLease: '10s' } })
    await run(input)
    assert.deepEqual(world.leases, { a: 10_000, b: 7_000, c: undefined })
  })
})

describe('admission', () => {
  test('a second drill on a held environment is refused with the holder, and free again when it ends or is terminated', async () => {
    const first = drillOf([gate('go')])
    const again = (): DrillInput => drillOf([cut('a')], { environment: first.environment })
    await temporal.door.start(first)
    await waitingAt(first, 'go')
    await refusedWith('environment.held', new RegExp(first.drillId), temporal.door.start(again()))
    assert.deepEqual(world.calls, [])
    await temporal.client.workflow.getHandle(first.drillId).terminate('test')
    const next = again()
    await untilFree(first.environment.name)
    assert.equal((await run(next)).verdict, 'passed')
  })

  test('read-only runbooks need no lock', async () => {
    const first = drillOf([gate('go')])
    await temporal.door.start(first)
    await waitingAt(first, 'go')
    const reader = drillOf([{ id: 'look', kind: 'check', check: 'http.ok', with: { url: 'http://x' } }], { environment: first.environment, runbook: { readOnly: true } })
    assert.equal((await run(reader)).verdict, 'passed')
    await temporal.door.abort(first.drillId, { person: ben, door: 'api', reason: 'end of test' })
    await result(first)
  })

  test('preflight refuses with its reasons, touches nothing, and is on record', async () => {
    world.refusals = [{ code: 'preflight.blackout', message: 'no drill until Monday' }]
    const input = drillOf([cut('a')])
    await refusedWith('preflight.refused', /no drill until Monday/, temporal.door.start(input))
    assert.equal((await result(input)).verdict, 'aborted')
    assert.deepEqual(world.calls, [])
    assert.deepEqual(eventsOf(input).map(event => event.type), ['drill.started', 'drill.refused', 'drill.ended'])
  })

  test('a retried start finds the drill that it started, and hears what the first one heard even when it is over', async () => {
    const input = drillOf([gate('go')])
    await temporal.door.start(input)
    assert.deepEqual(await temporal.door.start(input), { admitted: true, reasons: [] })
    await waitingAt(input, 'go')
    await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '1' })
    await result(input)
    assert.deepEqual(await temporal.door.start(input), { admitted: true, reasons: [] })
    assert.equal(find(input, 'drill.started').length, 1)
  })

  test('no worker: the caller hears so within the deadline', async () => {
    const { temporalDoor } = await import('../src/temporal/drills.js')
    const door = temporalDoor(temporal.client, { taskQueue: 'nobody-works-here', answerMs: 500, admissionMs: 700 })
    const input = drillOf([cut('a')])
    await refusedWith('temporal.timeout', /no worker answered/, door.start(input))
    await refusedWith('temporal.timeout', /no worker answered/, door.note(input.drillId, { person: ben, door: 'api', text: 'hello' }))
    await refusedWith('drill.unknown', /there is no drill/, door.note('never-20260101-aaaaaa', { person: ben, door: 'api', text: 'hello' }))
    await temporal.client.workflow.getHandle(input.drillId).terminate('test')
  })
})

describe('detection and the probe', () => {
  const detect = (sources: Array<'alert' | 'declaration' | 'probe'>, more = {}): DrillInput['runbook']['steps'][number] =>
    ({ id: 'detect', kind: 'wait', until: { detected: sources, alerts: ['PostgresDown'] }, deadline: '3s', ...more })
  const observing = { observe: { probe: { interval: '100ms', timeout: '500ms', failures: 3, successes: 3 } } }

  test('an alert that was asked for ends the wait; another, or one from before the fault, does not', async () => {
    const input = drillOf([kill('db'), detect(['alert'])], { runbook: observing })
    await temporal.door.start(input)
    await temporal.door.alert(input.environment.name, { name: 'PostgresDown', state: 'firing', arrivedAtMs: 1000, startsAtMs: 1 })
    const { startedAtMs } = await until(input, status => status.steps.find(step => step.id === 'detect')!.state === 'running')
    await temporal.door.alert(input.environment.name, { name: 'Other', state: 'firing', arrivedAtMs: Date.now(), startsAtMs: 2 })
    await temporal.door.alert(input.environment.name, { name: 'PostgresDown', state: 'firing', arrivedAtMs: Date.now(), startsAtMs: 3 })
    await result(input)
    const [detected] = find(input, 'outage.detected')
    assert.equal(detected!.by, 'alert PostgresDown')
    assert.ok(detected!.detectedAtMs >= startedAtMs)
  })

  test("a person's declaration ends the wait, once", async () => {
    const input = drillOf([kill('db'), detect(['alert', 'declaration'])], { runbook: observing })
    await temporal.door.start(input)
    await until(input, status => status.steps.find(step => step.id === 'detect')!.state === 'running')
    assert.deepEqual(await temporal.door.declare(input.drillId, { person: otto, door: 'api' }), { outcome: 'declared' })
    await result(input)
    assert.equal(find(input, 'outage.detected')[0]!.by, 'Otto')
  })

  test('nobody noticed: the step fails at its deadline and everything is undone', async () => {
    const input = drillOf([kill('db'), detect(['alert'], { deadline: '200ms' })], { runbook: observing })
    await run(input)
    assert.match(find(input, 'step.finished').find(event => event.step === 'detect')!.summary, /nobody noticed within 200ms/)
    assert.equal(world.broken.size, 0)
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
    await temporal.door.start(input)
    await until(input, status => status.steps.find(step => step.id === 'detect')!.state === 'running')
    const now = Date.now()
    await sendEdge(temporal.client, input.drillId, { edge: 'down', target: 'database', firstFailedAtMs: now, confirmedAtMs: now + 200, error: 'refused' })
    await until(input, status => status.steps.find(step => step.id === 'recovered')!.state === 'running')
    await sendEdge(temporal.client, input.drillId, { edge: 'up', target: 'database', firstGoodAtMs: now + 700, confirmedAtMs: now + 900 })
    assert.equal((await result(input)).verdict, 'passed')
    assert.equal((await temporal.door.status(input.drillId)).clock.rtaTechnicalMs, 700)
  })

  test('a probe that was blind while it mattered makes the drill invalid', async () => {
    const input = drillOf([kill('db'), detect(['probe'])], { runbook: observing })
    const now = Date.now()
    world.observation = { blind: [{ fromMs: now - 1000, toMs: now + 60_000, reason: 'its worker was stopped' }] }
    await temporal.door.start(input)
    await until(input, status => status.steps.find(step => step.id === 'detect')!.state === 'running')
    await sendEdge(temporal.client, input.drillId, { edge: 'down', target: 'database', firstFailedAtMs: Date.now(), confirmedAtMs: Date.now(), error: 'refused' })
    const { verdict, why } = await result(input)
    assert.equal(verdict, 'invalid')
    assert.match(why, /blind.*its worker was stopped/)
  })

  test('a probe that cannot begin: nothing is broken, the drill is invalid', async () => {
    world.observeFails = true
    const { verdict, why } = await run(drillOf([kill('db')], { runbook: observing }))
    assert.equal(verdict, 'invalid')
    assert.match(why, /no target answers/)
    assert.deepEqual(world.calls, [])
  })
})

describe('the record', () => {
  test('a store that is down delays the record, never the drill', async () => {
    world.storeIsDown = true
    const input = drillOf([cut('a'), gate('go')])
    await temporal.door.start(input)
    await waitingAt(input, 'go')
    await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '1' })
    await until(input, status => status.phase === 'ended')
    assert.deepEqual(eventsOf(input), [])
    // The environment is free while the record waits.
    await untilFree(input.environment.name)
    world.storeIsDown = false
    assert.equal((await result(input)).verdict, 'passed')
    assert.equal(eventsOf(input).at(-1)?.type, 'drill.ended')
  })

  test("Temporal's UI shows the runbook as a list and the drill's attributes", async () => {
    const input = drillOf([cut('a'), gate('go')])
    await temporal.door.start(input)
    await waitingAt(input, 'go')
    const handle = temporal.client.workflow.getHandle(input.drillId)
    const description = await handle.describe()
    assert.match(await description.staticSummary() ?? '', /A test/)
    assert.equal(description.typedSearchAttributes.getAll().find(pair => pair.key.name === 'MusterWaitingFor')?.value, 'go')
    await temporal.door.abort(input.drillId, { person: ben, door: 'api', reason: 'end of test' })
    await result(input)
  })
})

describe('nested runbooks', () => {
  const nested = (steps: DrillInput['runbook']['steps']): DrillInput['runbooks'] =>
    ({ inner: { name: 'inner', title: 'Inner', type: 'verification', environments: ['tier:lab'], params: { url: { type: 'string' } }, undoDeadline: '2s', steps } })
  const outer: DrillInput['runbook']['steps'] = [cut('a'), { id: 'sub', kind: 'runbook', runbook: 'inner', params: { url: 'http://inner' } }, cut('z')]

  test('run as a child drill with a ledger and a timeline of its own, and with its parent’s lock', async () => {
    const input = drillOf(outer, { runbooks: nested([cut('b'), { id: 'look', kind: 'check', check: 'http.ok', with: { url: '{{ params.url }}' } }]) })
    assert.equal((await run(input)).verdict, 'passed')
    assert.deepEqual(world.calls, ['do a', 'do b', 'check http://inner', 'undo b', 'do z', 'undo z', 'undo a'])
    assert.equal(world.recorded.get(`${input.drillId}.sub`)?.at(-1)?.type, 'drill.ended')
  })

  test('one that fails stops its parent, which unwinds too', async () => {
    world.checks.set('http://inner', ['fail'])
    const input = drillOf(outer, { runbooks: nested([cut('b'), { id: 'look', kind: 'check', check: 'http.ok', with: { url: '{{ params.url }}' } }]) })
    assert.equal((await run(input)).verdict, 'failed')
    assert.equal(world.broken.size, 0)
    assert.ok(!world.calls.includes('do z'))
  })

  test('an abort of the parent unwinds the nested drill first', async () => {
    const input = drillOf(outer, { runbooks: nested([cut('b'), gate('inside')]) })
    await temporal.door.start(input)
    const child = { ...input, drillId: `${input.drillId}.sub` }
    await until(input, status => status.steps.find(step => step.id === 'sub')?.state === 'running')
    for (let tries = 0; tries < 200 && !world.broken.has('b'); tries++) await new Promise(resolve => setTimeout(resolve, 10))
    await waitingAt(child, 'inside')
    await temporal.door.abort(input.drillId, { person: ben, door: 'api', reason: 'stop' })
    assert.equal((await result(input)).verdict, 'aborted')
    assert.deepEqual(world.calls.slice(-2), ['undo b', 'undo a'])
  })
})

async function untilFree (environment: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await temporal.door.holder(environment) === undefined) return
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`${environment} is still held`)
}
