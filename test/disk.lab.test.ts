import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, rmdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { archivingStuck } from '../activities/checks/archiving-stuck.js'
import { diskFull } from '../activities/checks/disk-full.js'
import { diskRoom } from '../activities/checks/disk-room.js'
import { postgresOutOfRoom } from '../activities/checks/postgres-out-of-room.js'
import { postgresSteady } from '../activities/checks/postgres-steady.js'
import { diskFill } from '../activities/disk/fill.js'
import { postgresTurnWal } from '../activities/postgres/turn-wal.js'
import type { DatabaseCluster, Volume } from '../src/drill/environment.js'
import type { DrillReport } from '../src/drill/report.js'
import { DrillError } from '../src/errors.js'
import { labDown, labUp } from '../src/lab/lab.js'
import { stepContext } from './fixtures/database-lab.js'
import { drillLab, isWhole, observed, type DrillLab } from './fixtures/drill-lab.js'
import { labTraces, livingOf, signalAll } from './fixtures/lab-traces.js'

// `npm run test:disks` drills all four volumes (and all of this again as a plain user, see volumes.lab.test); the others are looked at here by action and check alone.
const drilled = process.env.MUSTER_TEST_ALL_VOLUMES === '1' ? ['wal', 'log', 'repository', 'data'] : ['wal', 'log']

/** Fills one volume, and claims that another one is full. */
const wrongVolume = `
title: The wrong volume
type: simulated-failure
environments: [tier:lab]
observe:
  database: '{{ env.database }}'
  probe: { interval: 100ms, timeout: 1s, failures: 3, successes: 3 }
steps:
  - { id: fill, kind: action, action: disk.fill, with: { volumes: '{{ env.volumes }}', volume: log, leave: 0 } }
  - { id: full, kind: check, check: disk.full, with: { volumes: '{{ env.volumes }}', volume: data }, provesEffect: true, onFail: fail }
`

const hardToFree = `
title: A ballast that cannot be taken off
type: simulated-failure
environments: [tier:lab]
undoDeadline: 5s
observe:
  database: '{{ env.database }}'
  probe: { interval: 100ms, timeout: 1s, failures: 3, successes: 3 }
steps:
  - { id: fill, kind: action, action: disk.fill, with: { volumes: '{{ env.volumes }}', volume: log, leave: 0 } }
  - { id: full, kind: check, check: disk.full, with: { volumes: '{{ env.volumes }}', volume: log }, provesEffect: true }
  - { id: look, kind: gate, effect: none, role: approver, deadline: 1m }
`

const tooLong = `
title: A fault that stays longer than it may
type: simulated-failure
environments: [tier:lab]
observe:
  database: '{{ env.database }}'
  probe: { interval: 100ms, timeout: 1s, failures: 3, successes: 3 }
steps:
  - { id: fill, kind: action, action: disk.fill, with: { volumes: '{{ env.volumes }}', volume: log, leave: 0 }, atMost: 1s }
  - { id: full, kind: check, check: disk.full, with: { volumes: '{{ env.volumes }}', volume: log }, provesEffect: true }
  - { id: look, kind: wait, for: 1m }
`

let d: DrillLab
let volumes: Record<string, Volume>
let database: DatabaseCluster
before(async () => {
  d = await drillLab({ volumes: true, runbooks: { 'wrong-volume': wrongVolume, 'hard-to-free': hardToFree, 'too-long': tooLong } })
  volumes = d.environment.volumes!
  database = d.environment.database!
})
after(async () => { await d?.down() })

function ballasts (): string[] {
  return Object.values(volumes).flatMap(({ path }) => readdirSync(path).filter(file => file.startsWith('muster-')).map(file => join(path, file)))
}

function isClean (report: DrillReport): void {
  isWhole(report)
  assert.deepEqual(ballasts(), [])
}

describe('a drill that fills a disk', () => {
  const atTheEnd: Record<string, (report: DrillReport) => void> = {
    wal: report => {
      assert.match(report.steps.find(step => step.id === 'turn')!.summary!, /^closed \d of 40 segments, then: PostgreSQL .* (does not answer|No space left on device)/)
      // Recovery may just fit into what is left: then the server has come up by itself, maybe a moment ago only, before its standby.
      assert.match(report.undo.find(line => line.entry === 'fill-rest')!.summary!, /^removed the ballast from wal; (started pg1|pg2 streams again|nothing was to be done); .* pg1 is the one primary/)
      assert.ok(report.clock.rtaTechnicalMs! > 0, JSON.stringify(report.clock))
    },
    log: report => { assert.match(observed(report, 'serves'), /10 good answers/) },
    repository: report => { assert.match(observed(report, 'stuck'), /tries failed, .* segments wait/) },
    data: report => { assert.match(observed(report, 'refused'), /No space left on device/) },
  }
  for (const volume of drilled) {
    test(`${volume}: an alert comes before the end, what breaks is what may, and nothing that was acknowledged is lost`, async () => {
      const report = await d.run('disk-full', { baseline: '500ms', volume })
      assert.equal(report.judgement.verdict, 'passed', JSON.stringify(report.judgement))
      isClean(report)
      assert.equal(report.clock.detectedBy, 'alert VolumeFilling')
      assert.match(observed(report, 'unharmed'), /pg1 is primary, pg2 streams/)
      assert.match(observed(report, 'full'), /^no space left on device: 0\.0 MiB/)
      assert.match(observed(report, 'canaries'), /^(\d+) of \1 acknowledged writes survived, 0 lost; .* the commit log knows the \1 that survived/)
      assert.match(observed(report, 'orders'), /0 of them lost, 0 there twice/)
      atTheEnd[volume]!(report)
    })
  }

  test('a fill that has no effect where it is claimed proves nothing', async () => {
    const report = await d.run('wrong-volume')
    assert.equal(report.judgement.verdict, 'invalid', JSON.stringify(report.judgement))
    assert.match(report.judgement.why, /had no proven effect: 1 MiB was written/)
    isClean(report)
  })

  test('a fault that stays longer than it may is reverted by the watchdog, and the drill is invalid for that reason', async () => {
    const report = await d.run('too-long')
    assert.equal(report.judgement.verdict, 'invalid')
    assert.match(report.judgement.why, /its fault had stayed for 1 s, the longest that it may/)
    isClean(report)
  })

  test('a ballast that cannot be removed is left behind in red, and undone once it can be', async () => {
    const drillId = await d.start('hard-to-free')
    await d.until(drillId, status => status.waitingFor.length > 0)
    const [ballast] = ballasts()
    // A folder in its place: no user and no file system takes that away as a file.
    rmSync(ballast!)
    mkdirSync(ballast!)
    try {
      await d.approve(drillId)
      const report = await d.reportOf(drillId)
      assert.equal(report.judgement.verdict, 'failed')
      assert.match(report.judgement.why, /^left behind: take the ballast off volume log \(.*(EISDIR|EPERM)/)
      assert.match(report.leftBehind[0]!.byHand, /^remove .*\/log\/muster-ballast-\*/)
    } finally {
      rmdirSync(ballast!)
      writeFileSync(ballast!, '')
    }
    // Its end is told a moment before its workflow is over.
    await eventually(async () => await d.ana.post(`/v1/drills/${drillId}/undo`, {}).then(() => true, error => {
      if (error instanceof DrillError && error.code === 'drill.running') return false
      throw error
    }))
    const end = Date.now() + 20_000
    while (existsSync(ballast!)) {
      assert.ok(Date.now() < end, 'the undo takes it away')
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  })
})

describe('filling a volume', () => {
  const fill = (volume: string, leave: number) => ({ get volumes () { return volumes }, volume, leave })
  const sizeOf = (file: string): number => statSync(file).size

  test('happens once however often it is told, goes on after half a run, and is undone once', async () => {
    const half = join(volumes.log!.path, 'muster-ballast-test-step')
    writeFileSync(half, '')
    truncateSync(half, 0)
    const first = await diskFill.do(fill('log', 50), stepContext())
    const [, freeMb, sizeMb] = /^([\d.]+) MiB of ([\d.]+) MiB are free on log$/.exec(first.summary)!.map(Number)
    assert.ok(sizeMb! > 20 && Math.abs(freeMb! - sizeMb! / 2) <= 0.2, first.summary)
    const size = sizeOf(half)
    const again = await diskFill.do(fill('log', 50), stepContext({ previous: { faultAtMs: first.faultAtMs } }))
    assert.equal(again.faultAtMs, first.faultAtMs)
    assert.ok(Math.abs(sizeOf(half) - size) < 1024 * 1024, 'it does not grow again')
    assert.deepEqual(await diskFill.verify(fill('log', 50), stepContext()), { undone: false, summary: 'the ballast still lies on log' })
    for (let time = 0; time < 2; time++) await diskFill.undo(fill('log', 50), stepContext())
    assert.equal((await diskFill.verify(fill('log', 50), stepContext())).undone, true)
    assert.deepEqual(ballasts(), [])
  })

  test('takes what there is no room for in one piece bit by bit, and its proof turns with it', async () => {
    const proof = async (): Promise<string> => (await diskFull({ volumes, volume: 'log' }, stepContext({ stepId: 'proof' }))).outcome
    assert.equal(await proof(), 'fail')
    await diskFill.do(fill('log', 0), stepContext())
    assert.equal(await proof(), 'pass')
    assert.equal((await diskRoom({ volumes, volume: 'log', atLeast: 20 }, stepContext())).outcome, 'fail')
    await diskFill.undo(fill('log', 0), stepContext())
    assert.equal(await proof(), 'fail')
    assert.equal((await diskRoom({ volumes, volume: 'log', atLeast: 20 }, stepContext())).outcome, 'pass')
    assert.deepEqual(ballasts(), [], 'the proof leaves nothing')
  })

  test('a folder of the machine’s own disk is never filled', async () => {
    const path = mkdtempSync(join(tmpdir(), 'muster-shared-'))
    try {
      const shared = { volumes: { data: { path } }, volume: 'data' }
      await assert.rejects(diskFill.do({ ...shared, leave: 99 }, stepContext()), { code: 'volume.shared' })
      assert.deepEqual(readdirSync(path), [])
      const { outcome, observed } = await diskRoom({ ...shared, atLeast: 0 }, stepContext())
      assert.equal(outcome, 'fail')
      assert.match(observed, /no mount point/)
      assert.equal((await diskRoom({ volumes, volume: 'cellar', atLeast: 0 }, stepContext())).outcome, 'blind')
      await assert.rejects(diskFill.do({ ...shared, volume: 'cellar', leave: 50 }, stepContext()), (error: unknown) => error instanceof DrillError && error.code === 'input.invalid')
    } finally {
      rmSync(path, { recursive: true, force: true })
    }
  })

  test('data: what needs room is refused while reads are answered; without the fill it is not', async () => {
    assert.equal((await postgresOutOfRoom({ database }, stepContext())).outcome, 'fail')
    await diskFill.do(fill('data', 0), stepContext())
    const { outcome, output } = await postgresOutOfRoom({ database }, stepContext())
    await diskFill.undo(fill('data', 0), stepContext())
    assert.deepEqual({ outcome, output }, { outcome: 'pass', output: { sqlState: '53100' } })
    assert.equal((await postgresOutOfRoom({ database }, stepContext())).outcome, 'fail')
  })

  test('repository: WAL waits for the archiver, which goes on when there is room', async () => {
    const stuck = async (): Promise<string> => (await archivingStuck({ database }, stepContext())).outcome
    assert.equal(await stuck(), 'fail')
    await diskFill.do(fill('repository', 0), stepContext())
    await postgresTurnWal.do({ database, segments: 1 }, stepContext())
    await eventually(async () => await stuck() === 'pass')
    await diskFill.undo(fill('repository', 0), stepContext())
    await postgresTurnWal.do({ database, segments: 1 }, stepContext())
    await eventually(async () => (await postgresSteady({ database }, stepContext())).outcome === 'pass', 70_000)
  })
})

describe('a lab with volumes', () => {
  test('its volumes stay what they are while there are data on them', async () => {
    await assert.rejects(labUp({ root: d.root, volumes: false }), { code: 'input.invalid', message: /with volumes.*muster lab down/ })
  })

  test('killed with SIGKILL, with a disk full: down leaves no mount and no loop device', async () => {
    await diskFill.do({ volumes, volume: 'wal', leave: 0 }, stepContext())
    const traces = labTraces(d.lab, d.root)
    signalAll(livingOf(d.lab.base), 'SIGKILL')
    await labDown(d.root)
    assert.deepEqual(traces.left(), [])
    assert.deepEqual(loops(d.lab.base), [])
  })
})

function loops (base: string): string[] {
  return readdirSync('/sys/block').filter(name => name.startsWith('loop')).flatMap(name => {
    const file = `/sys/block/${name}/loop/backing_file`
    return existsSync(file) && readFileSync(file, 'utf8').startsWith(base) ? [name] : []
  })
}

async function eventually (is: () => Promise<boolean>, deadlineMs = 30_000): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!await is()) {
    assert.ok(Date.now() < end, `not within ${deadlineMs / 1000} s`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}
