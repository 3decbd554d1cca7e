import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createApi, type Api } from '../src/cli/api.js'
import { startDev, type Dev } from '../src/dev/dev.js'
import type { DrillReport } from '../src/drill/report.js'
import type { DrillStatus } from '../src/drill/status.js'
import { labDown, labUp } from '../src/lab/lab.js'
import { verifyChain, type TimelineExport } from '../src/store/chain.js'

// The whole of Muster on a real lab: what `npm run demo` shows, and what must turn it red.

let root: string
let dev: Dev
let ana: Api
let ben: Api
const lab = async (name: string, synchronous: boolean): Promise<void> => {
  await labUp({ root, name, synchronous, webhook: { url: `${dev.apiUrl}/v1/alerts`, credentialsFile: join(root, 'alertmanager.key') } })
}

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'muster-failover-'))
  // The servers run as another user, who must get in.
  chmodSync(root, 0o755)
  dev = await startDev({
    root, ports: 'free', headless: true, env: { MUSTER_RATE_LIMIT: '10000' },
    people: [
      { id: 'ana', name: 'Ana', roles: ['commander'] },
      { id: 'ben', name: 'Ben', roles: ['approver'] },
    ],
  })
  ana = createApi(dev.apiUrl, dev.keys.ana)
  ben = createApi(dev.apiUrl, dev.keys.ben)
})
after(async () => {
  for (const name of ['sure', 'fast']) await labDown(root, name)
  await dev?.stop()
  rmSync(root, { recursive: true, force: true })
})

const start = async (environment: string, params: Record<string, string | number>): Promise<string> =>
  (await ana.post<{ drillId: string }>('/v1/drills', { runbook: 'database-primary-failure', environment, params: { baseline: '1s', ...params } })).drillId

async function until (drillId: string, good: (status: DrillStatus) => boolean): Promise<DrillStatus> {
  const deadline = Date.now() + 120_000
  for (;;) {
    const { status } = await ana.get<{ status: DrillStatus }>(`/v1/drills/${drillId}`)
    if (good(status)) return status
    if (Date.now() > deadline) throw new Error(`never so: ${JSON.stringify(status)}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
const answer = async (drillId: string, what: 'approve' | 'reject'): Promise<void> => {
  await until(drillId, status => status.waitingFor.length > 0 || status.phase === 'ended')
  await ben.post(`/v1/drills/${drillId}/gates/approve/decision`, { answer: what, reason: 'test' })
}
const reportOf = async (drillId: string): Promise<DrillReport> => {
  await until(drillId, status => status.phase === 'ended')
  return await ana.get<DrillReport>(`/v1/drills/${drillId}/report`)
}
const run = async (environment: string, params: Record<string, string | number>): Promise<DrillReport> => {
  const drillId = await start(environment, params)
  await answer(drillId, 'approve')
  return await reportOf(drillId)
}
/** Whatever happened in between, this is what "as it was" means. */
const isWhole = (report: DrillReport): void => {
  assert.deepEqual(report.leftBehind, [])
  assert.ok(report.undo.every(line => line.state === 'undone' || line.state === 'already'), JSON.stringify(report.undo))
}

/** What customers felt lies over the recovery clock: served until the outage, refused in it, served again. */
function assertFelt ({ loads = [], clock, drill, steps }: DrillReport): void {
  const [{ load, points = [], felt } = assert.fail('no load in the report')] = loads
  const { startedAtMs: down, recoveredAtMs: good } = clock
  assert.ok(down !== undefined && good !== undefined && felt !== undefined, 'the probe saw the outage')
  assert.ok(load.startedAtMs > drill.startedAtMs && load.startedAtMs + 1000 <= down && load.startedAtMs + load.durationMs >= good, 'the load was there before, in and after the outage')
  assert.deepEqual([felt.before.errors, felt.before.requests > 0, felt.during.errors > 0], [0, true, true], JSON.stringify(felt))
  // Nginx leaves an instance out for two seconds: customers are served a little later than the database answers the probe.
  const served = steps.find(step => step.id === 'served')!.endedAtMs!
  const failing = points.filter(({ errors }) => errors > 0).map(({ atMs }) => atMs)
  assert.ok(failing.every(atMs => atMs > down && atMs - 1500 < served), `errors in seconds that end ${failing.map(atMs => atMs - down).join(', ')} ms into the outage, served after ${served - down} ms`)
  assert.ok(points.some(({ atMs, requests }) => atMs - 1000 > served && requests > 0), 'the load goes on once customers are served again')
}
/** Muster, a lab and whatever else runs share this machine: that the generator was late says nothing of the failover. */
const isClean = ({ judgement, findings }: DrillReport): boolean =>
  judgement.verdict === 'passed' || (judgement.verdict === 'passed-with-findings' && findings.every(({ text }) => /the generator was late/.test(text)))

describe('a synchronous pair', () => {
  before(async () => { await lab('sure', true) })

  for (const [fault, customers] of [['kill', 6], ['kill-postmaster', 0], ['freeze', 0]] as const) {
    test(`${fault}: detected by an alert, failed over, nothing lost, failed back, and everything proven`, async () => {
      const report = await run('sure', { fault, customers })
      if (customers > 0) assertFelt(report)
      assert.ok(isClean(report), JSON.stringify(report.judgement))
      isWhole(report)
      assert.match(report.clock.detectedBy!, /^alert /)
      assert.match(report.steps.find(step => step.id === 'promise')!.summary ?? '', /no acknowledged write can be lost with the primary/)
      assert.equal(report.loss!.lost, 0)
      assert.ok(report.loss!.acked > 30)
      assert.equal(report.loss!.witness.outcome, 'agrees')
      assert.ok(report.clock.rtaTechnicalMs! > 0 && report.clock.decisionMs! > 0)
      assert.ok(report.clock.rtaTechnicalWithoutWaitingMs! < report.clock.rtaTechnicalMs!)
      assert.ok(report.clock.rtaBusinessMs! >= report.clock.rtaTechnicalMs!)
      assert.deepEqual(report.drill.approvers, ['Ben'])
    })
  }

  test('the record of a drill proves itself, and a changed byte is found', async () => {
    const { drills } = await ana.get<{ drills: Array<{ drillId: string }> }>('/v1/drills', { environment: 'sure', limit: 1 })
    const exported = await ana.get<TimelineExport>(`/v1/drills/${drills[0]!.drillId}/export`)
    assert.deepEqual(verifyChain(exported).ok, true)
    exported.events[3]!.event.atMs += 1
    const changed = verifyChain(exported)
    assert.equal(changed.ok, false)
    assert.equal(changed.ok || changed.seq, 4)
  })

  test('replication cut before the kill: commits wait, so nothing acknowledged is lost', async () => {
    const report = await run('sure', { replication: 'cut', detection: 'probe' })
    assert.equal(report.loss?.lost, 0, JSON.stringify(report.judgement))
    isWhole(report)
  })

  test('rejected at the gate: aborted, the old primary is back, nothing was promoted', async () => {
    const drillId = await start('sure', {})
    await answer(drillId, 'reject')
    const report = await reportOf(drillId)
    assert.equal(report.judgement.verdict, 'aborted')
    assert.match(report.judgement.why, /rejected by Ben: test/)
    isWhole(report)
    assert.ok(!report.steps.some(step => step.id === 'promote' && step.state === 'passed'))
  })
})

describe('an asynchronous pair', () => {
  before(async () => { await lab('fast', false) })

  test('positive control: with replication cut before the kill the drill must find lost writes, and fail', async () => {
    const report = await run('fast', { replication: 'cut', detection: 'probe' })
    assert.equal(report.judgement.verdict, 'failed', JSON.stringify(report.judgement))
    assert.ok(report.findings.some(({ text }) => /the objective is to lose nothing, and the configuration cannot promise that: synchronous_standby_names is empty/.test(text)), 'what nobody can promise is said')
    const step = (id: string) => report.steps.find(one => one.id === id)!
    assert.ok(step('promise').endedAtMs! <= step('break').startedAtMs!, 'it is said before anything breaks')
    assert.ok(report.loss!.lost > 10, `${report.loss!.lost} lost`)
    assert.equal(report.loss!.acked, report.loss!.survived + report.loss!.lost)
    assert.ok(report.loss!.rpaMs > 300, `RPA ${report.loss!.rpaMs} ms`)
    assert.equal(report.loss!.witness.outcome, 'agrees')
    assert.ok(report.judgement.reasons.some(reason => /acknowledged writes were lost/.test(reason)))
    isWhole(report)
  })
})
