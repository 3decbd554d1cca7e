import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { drillsOfThisFile, refusedWith, soon } from './fixtures/drills.js'
import { ana, ben, cleo, cut, drillOf, gate, otto } from './fixtures/temporal.js'

const drills = drillsOfThisFile()
const { find, result, run, until, waitingAt } = drills

describe('gates', () => {
  test('a quorum of two different people opens it', async () => {
    const input = drillOf([gate('go', { approvals: 2 }), cut('a')])
    await drills.temporal.door.start(input)
    await waitingAt(input, 'go')
    assert.deepEqual(await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '1' }), { outcome: 'undecided', missing: 1 })
    await refusedWith('decision.twice', /Ben has answered/, drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '2' }))
    assert.deepEqual(await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: cleo, door: 'api', key: '3' }), { outcome: 'approved', missing: 0 })
    assert.equal((await result(input)).verdict, 'passed')
  })

  test('a click that arrives twice counts once and hears the same answer', async () => {
    const input = drillOf([gate('go', { approvals: 2 })])
    await drills.temporal.door.start(input)
    await waitingAt(input, 'go')
    const click = { step: 'go', answer: 'approve' as const, person: ben, door: 'slack' as const, key: 'click-1' }
    assert.deepEqual(await drills.temporal.door.decide(input.drillId, click), await drills.temporal.door.decide(input.drillId, click))
    await drills.temporal.door.decide(input.drillId, { ...click, person: cleo, key: 'click-2' })
    await result(input)
    assert.equal(find(input, 'gate.decided').length, 2)
  })

  test('the requester may not approve, but may reject', async () => {
    const both = { ...ana, roles: [...ana.roles, 'approver' as const] }
    const input = drillOf([gate('go'), cut('a')], { commander: both })
    await drills.temporal.door.start(input)
    await waitingAt(input, 'go')
    await refusedWith('decision.requester', /Ana started this drill/, drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: both, door: 'api', key: '1' }))
    await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'reject', reason: 'not today', person: both, door: 'api', key: '2' })
    const { verdict, why } = await result(input)
    assert.equal(verdict, 'aborted')
    assert.match(why, /rejected by Ana: not today/)
    assert.deepEqual(drills.world.calls, [])
  })

  test('who lacks the role, names no gate, comes too early or too late is told exactly that', async () => {
    const input = drillOf([gate('first'), gate('second')])
    await drills.temporal.door.start(input)
    await waitingAt(input, 'first')
    const say = (step: string, person = ben) => drills.temporal.door.decide(input.drillId, { step, answer: 'approve', person, door: 'api', key: `${step}-${person.id}` })
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
    assert.equal(drills.world.broken.size, 0)
  })

  test('a gate says who can answer now; a deputy does, and the record says for whom', async () => {
    const away = { ...ben, awayUntilMs: Date.parse('2099-01-01T00:00:00Z') }
    const dora = { id: 'dora', name: 'Dora', roles: [], standsInFor: [{ ...ben, fourEyes: false }] }
    drills.world.onCall = async () => [ana, away, dora]
    const input = drillOf([gate('go', { deadline: '60s' })])
    await drills.temporal.door.start(input)
    const { waitingFor } = await until(input, status => status.waitingFor[0]?.canAnswer !== undefined)
    assert.equal(waitingFor[0]!.canAnswer, 'Dora (for Ben)')
    await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: dora, door: 'api', key: 'k' })
    await result(input)
    assert.deepEqual(find(input, 'gate.decided')[0]!.for, { id: 'ben', name: 'Ben' })
    assert.match(find(input, 'step.finished')[0]!.summary, /approved by Dora \(for Ben\)/)
  })

  test('who can answer cannot be asked: the gate stands all the same', async () => {
    const asked = new Promise<void>(resolve => {
      drills.world.onCall = async () => {
        resolve()
        throw new Error('the store is down')
      }
    })
    const input = drillOf([gate('go', { deadline: '60s' })])
    await drills.temporal.door.start(input)
    await asked
    await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: 'k' })
    assert.equal((await result(input)).verdict, 'passed')
    assert.deepEqual(find(input, 'people.asked'), [])
  })

  test('a vote that leaves others to vote is on record at once; the last approval comes with what it sets going', async () => {
    const input = drillOf([gate('go', { approvals: 2 }), cut('a')], { recordEveryMs: 60_000 })
    await drills.temporal.door.start(input)
    await waitingAt(input, 'go')
    const approve = async (person: typeof ben) => await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person, door: 'api', key: person.id })
    await approve(ben)
    await soon('the first vote on record', () => find(input, 'gate.decided').length === 1)
    await approve(cleo)
    await result(input)
    const last = drills.world.records.findLast(types => types.includes('gate.decided'))!
    assert.ok(last.includes('undo.owed') && last.includes('drill.ended'), `with the approval came ${last.join(', ')}`)
  })

  test('a gate that is answered at once asks for nobody', async () => {
    let asked = 0
    drills.world.onCall = async () => {
      asked++
      return []
    }
    const input = drillOf([gate('go', { deadline: '60s' })], { recordEveryMs: 60_000 })
    await drills.temporal.door.start(input)
    await waitingAt(input, 'go')
    await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: 'k' })
    assert.equal((await result(input)).verdict, 'passed')
    assert.equal(asked, 0)
  })

  test('in production only who was trusted there decides and confirms; a service account nowhere', async () => {
    const steps = [gate('go', { deadline: '60s' }), { id: 'look', kind: 'task' as const, instructions: 'look', role: 'approver' as const, deadline: '60s' }]
    const input = drillOf(steps, { environment: { tier: 'production' }, runbook: { environments: ['tier:production'] }, production: true })
    await drills.temporal.door.start(input)
    await waitingAt(input, 'go')
    const trusted = { ...ben, roles: [], grants: [{ role: 'approver' as const, in: 'tier:production', fourEyes: true }] }
    const robot = { ...trusted, id: 'ci', name: 'Ci', service: true }
    const say = async (person: typeof ben): Promise<unknown> => await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person, door: 'api', key: person.id })
    const confirm = async (person: typeof ben): Promise<unknown> => await drills.temporal.door.confirm(input.drillId, { step: 'look', person, door: 'api', key: person.id })
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
    await drills.temporal.door.start(input)
    await until(input, status => status.waitingFor[0]?.overdue === true)
    await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '1' })
    assert.equal((await result(input)).verdict, 'passed')
    assert.equal(find(input, 'gate.overdue').length, 1)
  })

  test('escalate: the next role may decide after the deadline', async () => {
    const input = drillOf([gate('go', { role: 'engineer', deadline: '150ms', onTimeout: 'escalate', escalateTo: 'management' })])
    await drills.temporal.door.start(input)
    await until(input, status => status.waitingFor[0]?.roles.includes('management') === true)
    await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: cleo, door: 'api', key: '1' })
    assert.equal((await result(input)).verdict, 'passed')
  })

  test('break-glass: a signal counts only where the environment allows it, is marked unverified, and never fails the drill', async () => {
    const allowed = drillOf([gate('go')], { environment: { breakGlass: true } })
    const barred = drillOf([gate('go', { deadline: '3s' })])
    await Promise.all([drills.temporal.door.start(allowed), drills.temporal.door.start(barred)])
    await Promise.all([waitingAt(allowed, 'go'), waitingAt(barred, 'go')])
    for (const input of [allowed, barred]) {
      const handle = drills.temporal.client.workflow.getHandle(input.drillId)
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
    await drills.temporal.door.start(input)
    await waitingAt(input, 'call')
    const eve = { id: 'eve', name: 'Eve', roles: ['engineer' as const] }
    await refusedWith('decision.role', /for engineer/, drills.temporal.door.confirm(input.drillId, { step: 'call', person: otto, door: 'api', key: '1' }))
    await drills.temporal.door.confirm(input.drillId, { step: 'call', person: eve, door: 'api', key: '2' })
    assert.equal((await result(input)).verdict, 'passed')
    assert.match(find(input, 'step.finished')[0]!.summary, /confirmed by Eve/)
  })
})

describe('abort', () => {
  test('at a gate: everything is undone, the report is complete, a second abort changes nothing', async () => {
    const input = drillOf([cut('a'), gate('go')])
    await drills.temporal.door.start(input)
    await waitingAt(input, 'go')
    assert.deepEqual(await drills.temporal.door.abort(input.drillId, { person: otto, door: 'api', reason: 'real incident' }), { outcome: 'aborting' })
    const { verdict, why } = await result(input)
    assert.equal(verdict, 'aborted')
    assert.match(why, /aborted by Otto: real incident/)
    assert.equal(drills.world.broken.size, 0)
    await refusedWith('drill.over', /over/, drills.temporal.door.abort(input.drillId, { person: otto, door: 'api', reason: 'again' }))
    assert.equal(find(input, 'abort.requested').length, 1)
  })

  test('in the middle of an action: it is told at once, waited for, and undone', async () => {
    drills.world.slowMs = 60_000
    const input = drillOf([cut('a')])
    await drills.temporal.door.start(input)
    await until(input, status => status.steps[0]!.state === 'running')
    await drills.temporal.door.abort(input.drillId, { person: ben, door: 'api', reason: 'stop' })
    assert.equal((await result(input)).verdict, 'aborted')
    assert.ok(drills.world.calls.includes('undo a'))
  })

  test('who holds no role may not', async () => {
    const input = drillOf([gate('go')])
    await drills.temporal.door.start(input)
    await refusedWith('auth.forbidden', /holds no role/, drills.temporal.door.abort(input.drillId, { person: { id: 'x', name: 'X', roles: [] }, door: 'api', reason: 'x' }))
    await drills.temporal.door.abort(input.drillId, { person: ben, door: 'api', reason: 'end of test' })
    await result(input)
  })

  test("Temporal's own cancel is an abort like any other", async () => {
    const input = drillOf([cut('a'), gate('go')])
    await drills.temporal.door.start(input)
    await waitingAt(input, 'go')
    await drills.temporal.client.workflow.getHandle(input.drillId).cancel()
    assert.equal((await result(input)).verdict, 'aborted')
    assert.equal(drills.world.broken.size, 0)
    assert.match(find(input, 'abort.requested')[0]!.reason, /cancelled/)
  })

  test("Temporal's cancel is an abort too where the interrupted action answers with an error of its own", async () => {
    drills.world.slowMs = 60_000
    drills.world.failsWhenInterrupted = true
    const input = drillOf([cut('a')])
    await drills.temporal.door.start(input)
    await until(input, status => status.steps[0]!.state === 'running' && drills.world.calls.includes('do a'))
    await drills.temporal.client.workflow.getHandle(input.drillId).cancel()
    assert.equal((await result(input)).verdict, 'aborted')
    assert.ok(drills.world.calls.includes('undo a'), 'what may have happened is undone')
  })
})
