import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DrillInput } from '../src/drill/input.js'
import { drillsOfThisFile, refusedWith } from './fixtures/drills.js'
import { ben, cut, drillOf, gate } from './fixtures/temporal.js'

const drills = drillsOfThisFile()
const { eventsOf, find, result, run, untilFree, waitingAt } = drills

describe('admission', () => {
  test('a second drill on a held environment is refused with the holder, and free again when it ends or is terminated', async () => {
    const first = drillOf([gate('go')])
    const again = (): DrillInput => drillOf([cut('a')], { environment: first.environment })
    await drills.temporal.door.start(first)
    await waitingAt(first, 'go')
    await refusedWith('environment.held', new RegExp(first.drillId), drills.temporal.door.start(again()))
    assert.deepEqual(drills.world.calls, [])
    await drills.temporal.client.workflow.getHandle(first.drillId).terminate('test')
    const next = again()
    await untilFree(first.environment.name)
    assert.equal((await run(next)).verdict, 'passed')
  })

  test('read-only runbooks need no lock', async () => {
    const first = drillOf([gate('go')])
    await drills.temporal.door.start(first)
    await waitingAt(first, 'go')
    const reader = drillOf([{ id: 'look', kind: 'check', check: 'http.ok', with: { url: 'http://x' } }], { environment: first.environment, runbook: { readOnly: true } })
    assert.equal((await run(reader)).verdict, 'passed')
    await drills.temporal.door.abort(first.drillId, { person: ben, door: 'api', reason: 'end of test' })
    await result(first)
  })

  test('preflight refuses with its reasons, touches nothing, and is on record', async () => {
    drills.world.refusals = [{ code: 'preflight.blackout', message: 'no drill until Monday' }]
    const input = drillOf([cut('a')])
    await refusedWith('preflight.refused', /no drill until Monday/, drills.temporal.door.start(input))
    assert.equal((await result(input)).verdict, 'aborted')
    assert.deepEqual(drills.world.calls, [])
    assert.deepEqual(eventsOf(input).map(event => event.type), ['drill.started', 'drill.refused', 'drill.ended'])
  })

  test('a retried start finds the drill that it started, and hears what the first one heard even when it is over', async () => {
    const input = drillOf([gate('go')])
    await drills.temporal.door.start(input)
    assert.deepEqual(await drills.temporal.door.start(input), { admitted: true, reasons: [] })
    await waitingAt(input, 'go')
    await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: '1' })
    await result(input)
    assert.deepEqual(await drills.temporal.door.start(input), { admitted: true, reasons: [] })
    assert.equal(find(input, 'drill.started').length, 1)
  })

  test('no worker: the caller hears so within the deadline', async () => {
    const { temporalDoor } = await import('../src/temporal/drills.js')
    const door = temporalDoor(drills.temporal.client, { taskQueue: 'nobody-works-here', answerMs: 500, admissionMs: 700 })
    const input = drillOf([cut('a')])
    await refusedWith('temporal.timeout', /no worker answered/, door.start(input))
    await refusedWith('temporal.timeout', /no worker answered/, door.note(input.drillId, { person: ben, door: 'api', text: 'hello' }))
    await refusedWith('drill.unknown', /there is no drill/, door.note('never-20260101-aaaaaa', { person: ben, door: 'api', text: 'hello' }))
    await drills.temporal.client.workflow.getHandle(input.drillId).terminate('test')
  })
})
