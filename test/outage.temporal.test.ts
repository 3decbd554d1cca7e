import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { createApi, type Api } from '../src/cli/api.js'
import { until } from '../src/control/until.js'
import { startDev, type Dev } from '../src/dev/dev.js'
import { killStore, storeFolder } from '../src/dev/store.js'
import type { DrillReport } from '../src/drill/report.js'
import type { DrillStatus } from '../src/drill/status.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { DrillError } from '../src/errors.js'
import { verifyChain, type TimelineExport } from '../src/store/chain.js'
import { timeline } from '../workflows/messages.js'
import { startToxiproxy, type TestToxiproxy } from './fixtures/toxiproxy.js'

// The store goes away and clocks jump in the middle of a drill: the whole of Muster as processes of its own, and one service behind a real link.
// `npm run test:faults` keeps the store away for a minute.
const storeAwayMs = process.env.MUSTER_TEST_ALL_FAULTS === '1' ? 60_000 : 5_000
const hourMs = 3_600_000

const runbook = ({ toxiproxy, proxy }: TestToxiproxy['link'], url: string): string => `
title: A service loses its link
type: simulated-failure
environments: [tier:lab]
objectives: { rto: 5m }
observe:
  probe: { interval: 100ms, timeout: 1s, failures: 2, successes: 3, http: [{ name: service, url: '${url}' }] }
steps:
  - { id: cut, kind: action, action: toxiproxy.cut, with: { link: { toxiproxy: '${toxiproxy}', proxy: ${proxy} } }, lease: 20s }
  - { id: go, kind: gate, effect: none, role: approver, deadline: 10m }
  - { id: pause, kind: wait, for: 1s }
  - { id: heal, kind: undo, of: cut }
  - { id: recovered, kind: wait, until: { recovered: true }, deadline: 60s }
`

let root: string
let clock: string
let service: Server
let toxiproxy: TestToxiproxy
let dev: Dev
let ana: Api
let ben: Api
let connection: Connection
let temporal: Client
before(async () => {
  root = mkdtempSync(join(tmpdir(), 'muster-outage-'))
  // The store's user, where we are root, must reach its folder.
  chmodSync(root, 0o755)
  clock = join(root, 'clock')
  service = createServer((_request, response) => { response.end('here') }).listen(0, '127.0.0.1')
  await new Promise(resolve => service.once('listening', resolve))
  toxiproxy = await startToxiproxy({ upstream: `127.0.0.1:${(service.address() as AddressInfo).port}` })
  const runbooks = join(root, 'runbooks')
  mkdirSync(join(runbooks, 'environments'), { recursive: true })
  writeFileSync(join(runbooks, 'cut.yaml'), runbook(toxiproxy.link, `http://${toxiproxy.listen}/`))
  writeFileSync(join(runbooks, 'environments', 'here.yaml'), "tier: lab\napi: { url: 'http://127.0.0.1:1', instances: [] }\n")
  dev = await startDev({
    root, ports: 'free', headless: true,
    env: {
      MUSTER_RUNBOOKS: runbooks, MUSTER_RATE_LIMIT: '10000', MUSTER_TEST_CLOCK: clock,
      NODE_OPTIONS: `--import=${fileURLToPath(new URL('fixtures/jumping-clock.mjs', import.meta.url))}`,
    },
    people: [{ id: 'ana', name: 'Ana', roles: ['commander'] }, { id: 'ben', name: 'Ben', roles: ['approver'] }],
  })
  ana = createApi(dev.apiUrl, dev.keys.ana)
  ben = createApi(dev.apiUrl, dev.keys.ben)
  connection = Connection.lazy({ address: dev.temporalAddress })
  temporal = new Client({ connection })
})
after(async () => {
  await connection?.close()
  await dev?.stop()
  await toxiproxy?.stop()
  service?.close()
  rmSync(root, { recursive: true, force: true })
})

/** A drill that has cut the link and waits for an answer. */
async function waiting (): Promise<string> {
  const { drillId } = await ana.post<{ drillId: string }>('/v1/drills', { runbook: 'cut', environment: 'here' }, { deadlineMs: 60_000 })
  await statusWhere(drillId, status => status.waitingFor.length > 0)
  assert.equal(await toxiproxy.isCut(), true, 'cut')
  return drillId
}
async function statusWhere (drillId: string, is: (status: DrillStatus) => boolean): Promise<DrillStatus> {
  const found = await until(async () => {
    const status = await ana.get<{ status: DrillStatus }>(`/v1/drills/${drillId}`).then(({ status }) => status, passing)
    return status !== undefined && is(status) ? status : undefined
  }, { everyMs: 50, deadlineMs: 90_000 })
  assert.ok(found, `${drillId} got there`)
  return found
}
/** What fails because the store is away, or somebody is slow, is asked again. */
function passing (error: unknown): undefined {
  if (!(error instanceof DrillError && error.retryable)) throw error
  return undefined
}
async function approve (drillId: string): Promise<void> {
  const key = `approve-${drillId}`
  const taken = await until(async () => await ben.post(`/v1/drills/${drillId}/gates/go/decision`, { answer: 'approve', key }).then(() => true, passing), { everyMs: 200, deadlineMs: 60_000 })
  assert.ok(taken, 'the answer was taken')
}
async function known (drillId: string): Promise<DrillEvent[]> {
  return await connection.withDeadline(Date.now() + 20_000, async () => await temporal.workflow.getHandle(drillId).query(timeline, { after: 0 }))
}
async function recorded (drillId: string): Promise<{ exported: TimelineExport, events: DrillEvent[] }> {
  const exported = await until(async () => {
    const one = await ana.get<TimelineExport>(`/v1/drills/${drillId}/export`).catch(passing)
    return one?.events.some(({ event }) => event.type === 'drill.ended') ? one : undefined
  }, { everyMs: 200, deadlineMs: 90_000 })
  assert.ok(exported, 'the record is complete')
  return { exported, events: exported.events.map(({ event }) => event) }
}
/** Whole, in order, and chained; and as the workflow has it. */
async function isComplete (drillId: string): Promise<DrillEvent[]> {
  const { exported, events } = await recorded(drillId)
  assert.deepEqual(events.map(({ seq }) => seq), events.map((_event, index) => index + 1))
  assert.deepEqual(verifyChain(exported).ok, true)
  assert.deepEqual(JSON.parse(JSON.stringify(await known(drillId))), JSON.parse(JSON.stringify(events)))
  assert.ok(events.every((event, index) => index === 0 || event.atMs >= events[index - 1]!.atMs), 'time goes forward')
  return events
}

test(`the store is away for ${storeAwayMs / 1000} s in the middle: the drill goes on to its end, and its record arrives later, complete and in order`, { timeout: 280_000 }, async t => {
  const drillId = await waiting()
  const before = (await recordedSoFar(drillId)).length
  // Who was seen within the last minute decides without the store too.
  await ben.get(`/v1/drills/${drillId}`)
  killStore(storeFolder(root))
  const awayAtMs = Date.now()
  await approve(drillId)
  // Asked of the workflow alone: everything is done, and nothing of it is recorded.
  const ended = await until(async () => {
    const events = await known(drillId).catch(() => [])
    return events.some(event => event.type === 'undo.finished') && events.some(event => event.type === 'step.finished' && event.step === 'recovered') ? events : undefined
  }, { everyMs: 100, deadlineMs: Math.max(storeAwayMs, 60_000) })
  assert.ok(ended, 'the drill has gone on without the store')
  const doneAtMs = Date.now()
  assert.equal(await toxiproxy.isCut(), false)
  await delay(Math.max(0, awayAtMs + storeAwayMs - Date.now()))
  await dev.again('store')
  const backAtMs = Date.now()
  const events = await isComplete(drillId)
  t.diagnostic(`away for ${backAtMs - awayAtMs} ms, all steps done after ${doneAtMs - awayAtMs} ms, recorded ${Date.now() - backAtMs} ms after it was back`)
  const without = events.filter(event => event.seq > before && event.atMs > awayAtMs && event.atMs < backAtMs)
  assert.ok(without.some(event => event.type === 'gate.decided') && without.some(event => event.type === 'undo.finished'), 'what happened meanwhile is on record, with its own time')
  const status = await statusWhere(drillId, status => status.phase === 'ended')
  assert.equal(status.verdict, 'passed', status.why)
})

async function recordedSoFar (drillId: string): Promise<unknown[]> {
  return (await ana.get<TimelineExport>(`/v1/drills/${drillId}/export`)).events
}

for (const [way, jumpMs] of [['forward', hourMs], ['back', -hourMs]] as const) {
  test(`the clock of worker, API and watchdog is set ${way} by an hour in the middle: no length is wrong, no lease ends early or stays, no gate closes, and the report says so`, async () => {
    writeFileSync(clock, '0')
    const drillId = await waiting()
    writeFileSync(clock, String(jumpMs))
    // Two looks of everybody who looks by a clock, and some of the watchdog's.
    await delay(2_000)
    assert.equal(await toxiproxy.isCut(), true, 'the lease is renewed, and nobody reverts')
    assert.equal((await statusWhere(drillId, () => true)).phase, 'waiting', 'the gate’s deadline is Temporal’s')
    await approve(drillId)
    await statusWhere(drillId, status => status.phase === 'ended')
    const events = await isComplete(drillId)
    const report = await ana.get<DrillReport>(`/v1/drills/${drillId}/report`)
    assert.equal(report.judgement.verdict, 'passed-with-findings', JSON.stringify(report.judgement))
    assert.match(report.findings.map(({ text }) => text).join('\n'), new RegExp(`the worker’s wall clock was set ${way} by 1 h 0 min during the drill`))
    const lengths = Object.entries(report.clock).filter(([name, value]) => /Ms$/.test(name) && !/AtMs$/.test(name) && value !== undefined) as Array<[string, number]>
    assert.ok(lengths.length >= 3, JSON.stringify(report.clock))
    for (const [name, ms] of lengths) assert.ok(ms >= 0 && ms < 10 * 60_000, `${name}: ${ms} ms`)
    assert.ok(report.clock.rtaTechnicalMs! > 1_000, 'longer than the pause that the drill made')
    assert.ok(!events.some(event => event.type === 'lease.reverted'), 'nothing was reverted')
    assert.deepEqual(readdirSync(join(root, 'leases')).filter(file => /\.(lease|reverting|acting)$/.test(file)), [])
    writeFileSync(clock, '0')
  })
}
