import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ApplicationFailure, Context } from '@temporalio/activity'
import type { Action } from '../activities/action.js'
import { actions, createActivities, type ActivityDeps } from '../activities/index.js'
import { doLeased } from '../activities/leased.js'
import { undoVerified } from '../activities/undo.js'
import { until } from '../src/control/until.js'
import type { ActionResult, ActivityContextInput } from '../src/drill/actions.js'
import type { DrillInput } from '../src/drill/input.js'
import type { Step } from '../src/drill/runbook.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { DrillError } from '../src/errors.js'
import { leaseFolder, type LeaseFolder } from '../src/lease/folder.js'
import { startWatchdog, type Watchdog } from '../src/lease/watchdog.js'
import { isRunning } from '../src/temporal/drills.js'
import { stepContext } from './fixtures/database-lab.js'
import { ben, drillOf, gate, startTemporal, type TestTemporal } from './fixtures/temporal.js'
import { startToxiproxy, type TestToxiproxy } from './fixtures/toxiproxy.js'
import { World } from './fixtures/world.js'

// The activities that hold and keep a lease, with a real Temporal and a real link. What else a drill needs is in memory.

let temporal: TestTemporal
let toxiproxy: TestToxiproxy
let folder: LeaseFolder
let world: World
let worker: { stop: () => Promise<void> }
let watchdogs: Watchdog[]

before(async () => { [temporal, toxiproxy] = await Promise.all([startTemporal(), startToxiproxy()]) })
after(async () => {
  await temporal?.stop()
  await toxiproxy?.stop()
})
beforeEach(async () => {
  folder = leaseFolder(mkdtempSync(join(tmpdir(), 'muster-leased-')))
  world = new World()
  watchdogs = []
  worker = await work()
})
afterEach(async () => {
  await worker.stop()
  for (const watchdog of watchdogs) await watchdog.stop('the test is over')
  rmSync(folder.dir, { recursive: true, force: true })
})

const work = async (): ReturnType<TestTemporal['work']> => {
  const deps = { leases: folder, isRunning: async (drillId: string) => await isRunning(temporal.client, drillId), secret: async () => '', log: () => {} }
  const { keep, 'toxiproxy.cut': cutting, 'toxiproxy.cut.undo': healing } = createActivities(deps as unknown as ActivityDeps)
  return await temporal.work({ ...world.activities(), keep, 'toxiproxy.cut': cutting, 'toxiproxy.cut.undo': healing, 'postgres.turnWal': slow })
}
/** A step that ends only when it is told to. */
const slow = async (input: ActivityContextInput<never>): Promise<ActionResult> => {
  const activity = Context.current()
  const heart = setInterval(() => { activity.heartbeat() }, 200)
  const endless: Action<never> = { ...actions['postgres.turnWal'], do: async (_, { signal }) => await delay(60_000, { summary: 'done', output: {} }, { signal }) }
  try {
    return await doLeased(folder, 'postgres.turnWal', endless, input, { ...stepContext(), drillId: input.drillId, signal: activity.cancellationSignal })
  } catch (error) {
    throw error instanceof DrillError ? ApplicationFailure.create({ type: error.code, message: error.message, nonRetryable: true }) : error
  } finally {
    clearInterval(heart)
  }
}
const watch = (): void => {
  watchdogs.push(startWatchdog({ folder, log: () => {}, revert: async ({ with: input }) => (await undoVerified(actions['toxiproxy.cut'], input as never, stepContext())).summary }))
}
const cut = (lease?: string): Step => ({ id: 'cut', kind: 'action', action: 'toxiproxy.cut', with: { link: { ...toxiproxy.link } }, ...lease === undefined ? {} : { lease } })
const eventsOf = (input: DrillInput): DrillEvent[] => (world.recorded.get(input.drillId) ?? []).filter(Boolean)
const soon = async (what: string, ask: () => boolean | Promise<boolean>): Promise<void> => {
  assert.ok(await until(async () => await ask() || undefined, { everyMs: 20, deadlineMs: 30_000 }), what)
}
const resultOf = async (input: DrillInput): Promise<{ verdict: string, why: string }> =>
  await temporal.client.workflow.getHandle(input.drillId).result() as { verdict: string, why: string }

test('where no watchdog takes note of the lease, the link is never cut, and the drill says why', async () => {
  const input = drillOf([cut(), gate('go')])
  await temporal.door.start(input)
  const { verdict, why } = await resultOf(input)
  assert.equal(verdict, 'failed')
  assert.match(why, /no watchdog took note of the lease of step "cut" .*so nothing was broken/)
  const failed = eventsOf(input).find(event => event.type === 'step.finished')
  assert.equal(failed?.type === 'step.finished' && failed.error?.code, 'watchdog.absent')
  const undone = eventsOf(input).find(event => event.type === 'undo.finished')
  assert.equal(undone?.type === 'undo.finished' && undone.state, 'already', 'it was whole when the undo looked')
  assert.equal(folder.watchdog.held().length, 0, 'no lease stays that nobody would renew')
})

test('held through a gate that takes longer than the lease: it stays cut, and nothing was reverted', async () => {
  watch()
  const input = drillOf([cut('2s'), gate('go', { deadline: '1m' })])
  await temporal.door.start(input)
  await soon('the gate', async () => (await temporal.door.status(input.drillId)).phase === 'waiting')
  const opened = Date.now()
  await soon('more than two leases of waiting', async () => {
    assert.ok(await toxiproxy.isCut(), `it is held, after ${Date.now() - opened} ms`)
    return Date.now() - opened > 5_000
  })
  await temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: 'k' })
  const { verdict, why } = await resultOf(input)
  assert.match(verdict, /^passed/, why)
  assert.equal(await toxiproxy.isCut(), false)
  assert.deepEqual(folder.revertsOf(input.drillId), [])
  assert.equal(folder.stateOf(input.drillId, 'cut'), 'released')
})

test('terminated, with its worker alive: nobody renews for a drill that does not run, and the watchdog reverts', async () => {
  watch()
  const input = drillOf([cut('1s'), gate('go', { deadline: '5m' })])
  await temporal.door.start(input)
  await soon('the gate', async () => (await temporal.door.status(input.drillId)).phase === 'waiting')
  assert.ok(await toxiproxy.isCut(), 'cut')
  await temporal.client.workflow.getHandle(input.drillId).terminate('a mistake')
  await soon('reverted', () => folder.stateOf(input.drillId, 'cut') === 'reverted')
  assert.equal(await toxiproxy.isCut(), false)
  assert.match(folder.revertsOf(input.drillId)[0]!.reason, /its lease of 1 s was not renewed/)
})

test('a fault ends at its longest while another step runs: that step is told and ends, the worker lives, and the drill is invalid', async () => {
  watch()
  const input = drillOf([{ ...cut('1s'), atMost: '1s' } as Step, { id: 'slow', kind: 'action', action: 'postgres.turnWal', with: { segments: 1 } as never }])
  await temporal.door.start(input)
  const { verdict, why } = await resultOf(input)
  assert.equal(verdict, 'invalid', why)
  assert.match(folder.revertsOf(input.drillId)[0]!.reason, /had stayed for 1 s, the longest that it may/)
  assert.equal(await toxiproxy.isCut(), false)
  const slow = eventsOf(input).find(event => event.type === 'step.finished' && event.step === 'slow')
  assert.equal(slow?.type === 'step.finished' && slow.error?.code, 'lease.lost')
  assert.deepEqual(folder.watchdog.actors(), [])
})

test('the worker ends and no other comes: reverted; the drill hears of it from the next worker, and is invalid', async () => {
  watch()
  const input = drillOf([cut('1s'), gate('go', { deadline: '5m' })])
  await temporal.door.start(input)
  await soon('the gate', async () => (await temporal.door.status(input.drillId)).phase === 'waiting')
  await worker.stop()
  await soon('reverted', () => folder.stateOf(input.drillId, 'cut') === 'reverted')
  assert.equal(await toxiproxy.isCut(), false)
  worker = await work()
  const { verdict, why } = await resultOf(input)
  assert.equal(verdict, 'invalid')
  assert.match(why, /the watchdog reverted the fault of step "cut"/)
})

for (const [who, deed] of [
  ['a try of its step that Temporal has given up', { stepId: 'cut', runId: 'any' }], ['what a workflow of the drill asked for that is gone', { stepId: 'rejoin', runId: 'gone', undoes: true }],
] as const) {
  test(`an undo waits for ${who} and that is still under way; after it no try of its step begins`, async () => {
    watch()
    const input = drillOf([cut('20s'), gate('go', { deadline: '1m' })])
    await temporal.door.start(input)
    await soon('the gate', async () => (await temporal.door.status(input.drillId)).phase === 'waiting')
    const givenUp = folder.act({ drillId: input.drillId, ...deed })
    await temporal.door.abort(input.drillId, { person: ben, reason: 'enough', door: 'api' })
    await soon('the undo is at it', () => folder.watchdog.actors(input.drillId).some(({ stepId, undoes }) => stepId === 'cut' && undoes))
    await delay(300)
    assert.ok(await toxiproxy.isCut(), 'it would be cut again, once it was whole')
    givenUp.end()
    assert.equal((await resultOf(input)).verdict, 'aborted')
    assert.equal(await toxiproxy.isCut(), false)
    assert.throws(() => folder.act({ drillId: input.drillId, stepId: 'cut', runId: 'any' }), { code: 'step.over' })
  })
}

test('where such a try never ends, the undo is left behind, and names the process', async () => {
  watch()
  const input = drillOf([cut('60s'), gate('go', { deadline: '1m' })], { runbook: { undoDeadline: '3s' } })
  await temporal.door.start(input)
  await soon('the gate', async () => (await temporal.door.status(input.drillId)).phase === 'waiting')
  const givenUp = folder.act({ drillId: input.drillId, stepId: 'cut', runId: 'any' })
  try {
    await temporal.door.abort(input.drillId, { person: ben, reason: 'enough', door: 'api' })
    await resultOf(input)
    const left = eventsOf(input).find(event => event.type === 'undo.leftBehind')
    assert.match(left?.type === 'undo.leftBehind' ? left.message : '', new RegExp(`process ${process.pid} is still at the step "cut", and would act against this undo: end it`))
  } finally {
    givenUp.end()
  }
})
