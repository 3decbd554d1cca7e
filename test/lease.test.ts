import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { readProc } from '../src/control/proc.js'
import { until } from '../src/control/until.js'
import type { Lease } from '../src/drill/lease.js'
import { DrillError } from '../src/errors.js'
import { deedText, type Acting, type Deed } from '../src/lease/acting.js'
import { leaseFolder, type LeaseFolder } from '../src/lease/folder.js'
import { startWatchdog, type Watchdog } from '../src/lease/watchdog.js'

let folder: LeaseFolder
let reverted: string[]
let watchdogs: Watchdog[]
/** How often the revert of a step fails before it works. */
let failures: Map<string, number>

beforeEach(() => {
  folder = leaseFolder(mkdtempSync(join(tmpdir(), 'muster-lease-')))
  reverted = []
  failures = new Map()
  watchdogs = []
})
afterEach(async () => {
  for (const watchdog of watchdogs) await watchdog.stop('the test is over')
  rmSync(folder.dir, { recursive: true, force: true })
})

const lease = (stepId: string, leaseMs: number, drillId = 'drill-1'): Lease =>
  ({ drillId, stepId, action: 'toxiproxy.cut', with: { link: { toxiproxy: 'http://127.0.0.1:1', proxy: stepId } }, leaseMs, heldSinceMs: Date.now() })
const deed = (drillId: string, stepId: string, runId = 'one'): Deed => ({ drillId, stepId, runId })
const watch = (): Watchdog => {
  const watchdog = startWatchdog({
    folder,
    everyMs: 5,
    log: () => {},
    revert: async ({ stepId }) => {
      const left = failures.get(stepId) ?? 0
      failures.set(stepId, left - 1)
      if (left > 0) throw new DrillError('undo.unproven', 'still broken')
      reverted.push(stepId)
      return `${stepId} is whole`
    },
  })
  watchdogs.push(watchdog)
  return watchdog
}
const soon = async (what: string, ask: () => boolean): Promise<void> => {
  assert.ok(await until(() => ask() || undefined, { everyMs: 5, deadlineMs: 20_000 }), what)
}
const lost = (call: () => unknown): void => {
  assert.throws(call, (error: unknown) => error instanceof DrillError && error.code === 'lease.lost')
}

test('a lease that is renewed stays, one that is not is reverted and signed off', async () => {
  watch()
  folder.hold(lease('kept', 60_000))
  folder.hold(lease('left', 100))
  await soon('the watchdog takes note', () => folder.isArmed('drill-1', 'kept') && folder.isArmed('drill-1', 'left'))
  await soon('reverted', () => folder.stateOf('drill-1', 'left') === 'reverted')
  assert.equal(folder.stateOf('drill-1', 'kept'), 'held')
  assert.deepEqual(reverted, ['left'])
  const [record] = folder.revertsOf('drill-1')
  assert.equal(record?.summary, 'left is whole')
  assert.equal(record.reason, 'its lease of 0.1 s was not renewed')
  assert.equal(record.by.pid, process.pid)
})

test('a fault that has stayed as long as it may is reverted, however well it is renewed, and by the next watchdog too', async () => {
  watch()
  folder.hold({ ...lease('short', 60_000), mostMs: 300 })
  folder.hold({ ...lease('long', 60_000), mostMs: 60_000 })
  await soon('reverted', () => {
    folder.renew('drill-1')
    return folder.stateOf('drill-1', 'short') === 'reverted'
  })
  assert.equal(folder.revertsOf('drill-1')[0]!.reason, 'its fault had stayed for 0.3 s, the longest that it may')
  assert.equal(folder.stateOf('drill-1', 'long'), 'held')
  folder.hold({ ...lease('older', 60_000), mostMs: 60_000, heldSinceMs: Date.now() - 61_000 })
  await soon('an age from before counts', () => folder.stateOf('drill-1', 'older') === 'reverted')
})

test('renewing keeps it for many times its length', async () => {
  watch()
  folder.hold(lease('kept', 2_000))
  const end = Date.now() + 5_000
  while (Date.now() < end) {
    folder.renew('drill-1')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  assert.equal(folder.stateOf('drill-1', 'kept'), 'held')
})

test('a wall clock that jumps reverts nothing', async () => {
  watch()
  folder.hold(lease('kept', 60_000))
  await soon('armed', () => folder.isArmed('drill-1', 'kept'))
  for (const at of [new Date(0), new Date('2099-01-01')]) {
    utimesSync(join(folder.dir, 'drill-1~kept.lease'), at, at)
    await new Promise(resolve => setTimeout(resolve, 50))
    assert.equal(folder.stateOf('drill-1', 'kept'), 'held', at.toISOString())
  }
})

test('who released in time is left alone, and renewing what the watchdog took changes nothing', async () => {
  folder.hold(lease('done', 50))
  folder.release('drill-1', 'done')
  folder.hold(lease('taken', 50))
  watch()
  await soon('reverted', () => folder.stateOf('drill-1', 'taken') === 'reverted')
  folder.renew('drill-1')
  assert.equal(folder.stateOf('drill-1', 'taken'), 'reverted')
  assert.equal(folder.stateOf('drill-1', 'done'), 'released')
  assert.deepEqual(reverted, ['taken'])
})

test('a revert that fails is tried again until its verification passes', async () => {
  failures.set('stuck', 2)
  watch()
  folder.hold(lease('stuck', 50))
  await soon('taken', () => folder.stateOf('drill-1', 'stuck') === 'reverting')
  await soon('reverted', () => folder.stateOf('drill-1', 'stuck') === 'reverted')
  assert.equal(failures.get('stuck'), -1, 'two failures, then the one that worked')
})

test('what a killed watchdog had begun, the next one finishes', async () => {
  folder.hold(lease('half', 60_000))
  renameSync(join(folder.dir, 'drill-1~half.lease'), join(folder.dir, 'drill-1~half.reverting'))
  watch()
  await soon('reverted', () => folder.stateOf('drill-1', 'half') === 'reverted')
  assert.match(folder.revertsOf('drill-1')[0]!.reason, /a watchdog before this one/)
})

test('what a killed worker said of its acting is removed, whether its drill holds a lease or not; what a living one says stays', async () => {
  const gone = spawn('true', { stdio: 'ignore' })
  await new Promise(resolve => gone.once('exit', resolve))
  writeFileSync(join(folder.dir, 'drill-1~~1.acting'), JSON.stringify({ pid: gone.pid, startTime: 1, drillId: 'drill-1', stepId: 'x', runId: 'one' }))
  const acting = folder.act(deed('drill-2', 'y'))
  watch()
  await soon('removed', () => !readdirSync(folder.dir).includes('drill-1~~1.acting'))
  assert.equal(folder.watchdog.actors('drill-2').length, 1)
  acting.end()
  assert.deepEqual(readdirSync(folder.dir), [])
})

test('while the watchdog is at it nobody acts for that drill, its parent or its child; others do', async () => {
  folder.hold(lease('half', 60_000))
  renameSync(join(folder.dir, 'drill-1~half.lease'), join(folder.dir, 'drill-1~half.reverting'))
  for (const drillId of ['drill-1', 'drill-1.nested']) lost(() => folder.act(deed(drillId, 'promote')))
  folder.act(deed('drill-2', 'promote')).end()
  lost(() => { folder.hold(lease('half', 100)) })
  assert.deepEqual(readdirSync(folder.dir).filter(file => file.endsWith('.acting')), [])
})

test('a try of a step that comes after its undo has begun does nothing; other steps and drills go on', () => {
  const first = folder.act(deed('drill-1', 'cut'))
  const undo = folder.act({ ...deed('drill-1', 'cut'), undoes: true })
  assert.deepEqual(undo.against().map(({ pid }) => pid), [process.pid], 'who is at it still')
  first.end()
  assert.deepEqual(undo.against(), [])
  assert.throws(() => folder.act(deed('drill-1', 'cut')), { code: 'step.over' })
  folder.act(deed('drill-1', 'other')).end()
  folder.act(deed('drill-2', 'cut')).end()
  undo.end()
  assert.deepEqual(readdirSync(folder.dir, { recursive: true }), ['over', 'over/drill-1~cut'])
  folder.watchdog.forget(-1)
  assert.deepEqual(readdirSync(folder.dir, { recursive: true }), ['over'])
})

test('an undo waits for what its drill did before: for another try of its own, and for all that a workflow asked for which is gone', () => {
  const undoOf = (stepId: string, runId: string): Acting => folder.act({ drillId: 'drill-1', stepId, runId, undoes: true })
  const told = (acting: Acting): string[] => acting.against().map(({ runId, ...one }) => `${runId}: ${deedText(one)}`).sort()
  const others = [folder.act(deed('drill-1', 'hold')), folder.act(deed('drill-2', 'cut', 'gone')), folder.act(deed('drill-1.nested', 'cut', 'nested'))]
  const before = [undoOf('break', 'gone'), undoOf('promote', 'one')]
  const undo = undoOf('promote', 'one')
  assert.deepEqual(told(undo), ['gone: undo of step "break"', 'one: undo of step "promote"'])
  assert.deepEqual(told(before[1]!), ['gone: undo of step "break"'], 'not for one that came later, which waits for it')
  before[0]!.end()
  assert.deepEqual(told(undo), ['one: undo of step "promote"'])
  for (const acting of [...others, before[1]!, undo]) acting.end()
})

test('the watchdog waits for whoever acts, and ends one that has stopped moving', async () => {
  const acting = folder.act(deed('drill-1', 'promote'))
  watch()
  folder.hold(lease('fault', 10_000))
  await soon('armed', () => folder.isArmed('drill-1', 'fault'))
  const stopping = watchdogs[0]!.stop('the test says so')
  await soon('taken', () => folder.stateOf('drill-1', 'fault') === 'reverting')
  await new Promise(resolve => setTimeout(resolve, 100))
  assert.deepEqual(reverted, [], 'not while somebody acts')
  acting.end()
  await stopping
  assert.deepEqual(reverted, ['fault'])

  // A worker that was frozen in the middle of a step: it is ended, for once thawed it would go on with it.
  const frozen = spawn('sleep', ['600'], { stdio: 'ignore' })
  try {
    process.kill(frozen.pid!, 'SIGSTOP')
    writeFileSync(join(folder.dir, 'drill-2~~1.acting'), JSON.stringify({ pid: frozen.pid, startTime: readProc(frozen.pid!)!.startTime, drillId: 'drill-2', stepId: 'promote', runId: 'one' }))
    watch()
    folder.hold(lease('fault', 200, 'drill-2'))
    await soon('reverted', () => folder.stateOf('drill-2', 'fault') === 'reverted')
    assert.equal(readProc(frozen.pid!), undefined)
  } finally {
    frozen.kill('SIGKILL')
  }
})

test('an actor that moves is waited for, however long it takes, and never ended', async () => {
  const busy = spawn('sleep', ['600'], { stdio: 'ignore' })
  const said = join(folder.dir, 'drill-1~~1.acting')
  try {
    writeFileSync(said, JSON.stringify({ pid: busy.pid, startTime: readProc(busy.pid!)!.startTime, drillId: 'drill-1', stepId: 'promote', runId: 'one' }))
    watch()
    folder.hold(lease('fault', 1_000))
    await soon('taken', () => folder.stateOf('drill-1', 'fault') === 'reverting')
    const end = performance.now() + 4_000
    await soon('four leases of waiting', () => {
      utimesSync(said, new Date(), new Date())
      return performance.now() > end
    })
    assert.ok(readProc(busy.pid!), 'it lives')
    assert.deepEqual(reverted, [])
    rmSync(said)
    await soon('reverted', () => folder.stateOf('drill-1', 'fault') === 'reverted')
  } finally {
    busy.kill('SIGKILL')
  }
})

test('an actor that died is none', async () => {
  const gone = spawn('true', { stdio: 'ignore' })
  await new Promise(resolve => gone.once('exit', resolve))
  writeFileSync(join(folder.dir, 'drill-1~~1.acting'), JSON.stringify({ pid: gone.pid, startTime: 1, drillId: 'drill-1', stepId: 'x', runId: 'one' }))
  watch()
  folder.hold(lease('fault', 50))
  await soon('reverted', () => folder.stateOf('drill-1', 'fault') === 'reverted')
})

test('told to stop, it reverts what is held and ends', async () => {
  const watchdog = watch()
  folder.hold(lease('held', 60_000))
  await soon('armed', () => folder.isArmed('drill-1', 'held'))
  assert.equal(watchdog.duties(), 1)
  await watchdog.stop('the watchdog was told to stop')
  assert.equal(folder.revertsOf('drill-1')[0]?.reason, 'the watchdog was told to stop')
  assert.equal(watchdog.duties(), 0)
})

test('an id that would leave the folder names no lease', () => {
  assert.throws(() => { folder.hold(lease('../x', 100)) }, /cannot name a lease/)
})
