import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { linkBreak, lossName } from '../activities/link.js'
import { lossesOf } from '../src/control/packet-loss.js'
import { until } from '../src/control/until.js'
import { startWatchdog } from '../src/dev/entries.js'
import { end, isAlive, kill } from '../src/dev/process.js'
import { makeFolder, type Started } from '../src/dev/state.js'
import type { Lease } from '../src/drill/lease.js'
import { DrillError, messageOf } from '../src/errors.js'
import { leaseFolder, type LeaseFolder } from '../src/lease/folder.js'
import { stepContext } from './fixtures/database-lab.js'
import { startToxiproxy, type TestToxiproxy } from './fixtures/toxiproxy.js'

// The watchdog as a process of its own, with a real link to heal.

let toxiproxy: TestToxiproxy
let root: string
let folder: LeaseFolder
let started: Started[]

before(async () => { toxiproxy = await startToxiproxy() })
after(async () => { await toxiproxy?.stop() })
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-watchdog-'))
  makeFolder(root)
  folder = leaseFolder(join(root, 'leases'))
  started = []
})
afterEach(async () => {
  for (const one of started) await end(one, 10_000)
  rmSync(root, { recursive: true, force: true })
})

const watchdog = async (): Promise<Started> =>
  await startWatchdog({ root, env: { ...process.env, MUSTER_HOME: root, MUSTER_LOG_PRETTY: 'false' }, onStart: one => { started.push(one) } })
const soon = async (what: string, ask: () => boolean | Promise<boolean>): Promise<void> => {
  assert.ok(await until(async () => await ask() || undefined, { everyMs: 20, deadlineMs: 30_000 }), what)
}
/** Breaks the link as a worker would that is not there any more: with a lease that the watchdog has seen. */
const broken = async (leaseMs: number): Promise<void> => {
  const lease: Lease = { drillId: 'drill-1', stepId: 'cut', action: 'toxiproxy.cut', with: { link: toxiproxy.link }, leaseMs, heldSinceMs: Date.now() }
  folder.hold(lease)
  await soon('armed', () => folder.isArmed('drill-1', 'cut'))
  await cut()
}
const cut = async (): Promise<void> => {
  await fetch(`${toxiproxy.link.toxiproxy}/proxies/${toxiproxy.link.proxy}`, { method: 'POST', body: JSON.stringify({ enabled: false }) })
  assert.ok(await toxiproxy.isCut(), 'the link is cut')
}

test('a second watchdog is refused and says so; the first goes on', async () => {
  const first = await watchdog()
  await assert.rejects(watchdog(), (error: unknown) => error instanceof DrillError && /another watchdog serves .*\[watchdog\.running\]/.test(error.message))
  assert.ok(isAlive(first), 'the first one')
  await broken(300)
  await soon('reverted', () => folder.stateOf('drill-1', 'cut') === 'reverted')
  assert.equal(await toxiproxy.isCut(), false)
})

test('packets that are lost for a worker that is not there any more are let through again, and no rule stays', async t => {
  const input = { link: toxiproxy.link, how: 'loss', way: 'both', loss: 30 } as const
  const unable = await linkBreak.able!(input, stepContext()).then(() => undefined, messageOf)
  if (unable !== undefined) return t.skip(unable)
  await watchdog()
  folder.hold({ drillId: 'drill-1', stepId: 'lossy', action: 'link.break', with: input, leaseMs: 500, heldSinceMs: Date.now() })
  await linkBreak.do(input, stepContext())
  assert.equal((await lossesOf(lossName(toxiproxy.link))).length, 2)
  await soon('reverted', () => folder.stateOf('drill-1', 'lossy') === 'reverted')
  assert.deepEqual(await lossesOf(lossName(toxiproxy.link)), [])
  assert.match(folder.revertsOf('drill-1')[0]!.summary, /healed link link; link link is open$/)
})

test('told to end by SIGTERM, it reverts what is held before it does', async () => {
  const one = await watchdog()
  await broken(600_000)
  await end(one, 30_000)
  assert.equal(isAlive(one), false)
  assert.equal(await toxiproxy.isCut(), false)
  const [reverted] = folder.revertsOf('drill-1')
  assert.equal(reverted?.reason, 'the watchdog was told to stop')
  assert.match(reverted.summary, /healed link link; link link is open/)
  assert.equal(reverted.by.pid, one.pid)
})

test('killed in the middle of a revert, it leaves it to the next one, which finishes it', async () => {
  const first = await watchdog()
  await broken(600_000)
  kill(first)
  await soon('dead', () => !isAlive(first))
  assert.ok(folder.watchdog.take('drill-1~cut'), 'as far as the killed one had come')
  const next = await watchdog()
  await soon('reverted', () => folder.stateOf('drill-1', 'cut') === 'reverted')
  assert.equal(await toxiproxy.isCut(), false)
  assert.match(folder.revertsOf('drill-1')[0]!.reason, /a watchdog before this one had begun it/)
  assert.equal(folder.revertsOf('drill-1')[0]!.by.pid, next.pid)
})

test('killed while it waits, the next one counts the lease anew and reverts', async () => {
  const first = await watchdog()
  await broken(1_000)
  kill(first)
  await soon('dead', () => !isAlive(first))
  assert.ok(await toxiproxy.isCut(), 'nobody has healed it meanwhile')
  await watchdog()
  await soon('reverted', () => folder.stateOf('drill-1', 'cut') === 'reverted')
  assert.equal(await toxiproxy.isCut(), false)
})
