import { buildReport, renderHtml } from '../src/report/index.js'
import { lastDrills, listDrills } from '../src/store/drills.js'
import { migrate } from '../src/store/migrate.js'
import { openStore } from '../src/store/pool.js'
import { appendSamples, readSamples } from '../src/store/samples.js'
import { appendEvents, exportTimeline } from '../src/store/timeline.js'
import { startCluster } from '../test/fixtures/cluster.js'
import { drillEvents, probeSamples } from '../test/fixtures/events.js'
import { percentile, type Line } from './measure.js'

const drills = 10_000
/** Drills with a whole timeline; the others are rows of the list, as the retention of years leaves them. */
const whole = 300

/** Reading with years of drills in the store. */
export async function store (tell: (line: string) => void): Promise<Line[]> {
  const cluster = await startCluster()
  await migrate(cluster.url)
  const opened = openStore(cluster.url)
  try {
    const { pool } = opened
    const idOf = (index: number): string => `database-primary-failure-20261120-${String(index).padStart(6, '0')}`
    for (let index = 0; index < whole; index++) {
      if (index % 100 === 0) tell(`store: ${index} of ${whole} whole drills`)
      const events = drillEvents(index % 7 === 0 ? 'failed' : 'passed', { drillId: idOf(index), startAtMs: Date.UTC(2025, 0, 1) + index * 3_600_000 })
      await appendEvents(pool, idOf(index), events)
      await appendSamples(pool, idOf(index), probeSamples(events))
    }
    tell(`store: ${drills} rows`)
    await pool.query(`insert into drills (drill_id, created_at_ms, runbook, runbook_title, runbook_type, runbook_hash, environment, tier, commander_id, commander_name, phase, verdict)
      select 'many-' || n, 1700000000000 + n * 1000, 'r' || n % 20, 'R', 'full-test', 'h', 'e' || n % 7, 'lab', 'ana', 'Ana', 'ended', case when n % 50 = 0 then 'invalid' else 'passed' end from generate_series(1, $1::int) n`, [drills - whole])
    await pool.query('analyze')
    const lists: number[] = []
    const reports: number[] = []
    for (let round = 0; round < 200; round++) {
      const filters = [{}, { environment: 'e3' }, { runbook: 'r4' }, { verdict: 'invalid' as const }][round % 4]!
      lists.push(await took(async () => { await listDrills(pool, filters, { limit: 50 }) }))
      if (round % 2 === 0) reports.push(await took(async () => { await report(round % whole) }))
    }
    return [
      { what: `list with ${drills} drills, p99 of ${lists.length}`, unit: 'ms', ours: percentile(lists, 0.99), peerIs: '', goal: '< 50 ms', met: percentile(lists, 0.99) < 50 },
      { what: `report with ${drills} drills, p99 of ${reports.length}`, unit: 'ms', ours: percentile(reports, 0.99), peerIs: '', goal: '< 300 ms', met: percentile(reports, 0.99) < 300 },
    ]

    async function report (index: number): Promise<void> {
      const { events, head } = await exportTimeline(pool, idOf(index))
      const [samples, earlier] = await Promise.all([readSamples(pool, idOf(index)), lastDrills(pool, 'database-primary-failure', 'lab', 3, { except: idOf(index) })])
      renderHtml(buildReport({ events: events.map(({ event }) => event), samples, earlier, chainHead: head }, 'bench'))
    }
  } finally {
    await opened.close()
    await cluster.stop()
  }
}

async function took (work: () => Promise<void>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}
