import { Client } from 'pg'
import { pino } from 'pino'
import { buildReport, renderBody, renderCsv, renderHtml, renderJson, renderMarkdown } from '../src/report/index.js'
import { migrate } from '../src/store/migrate.js'
import { openStore, type Store } from '../src/store/pool.js'
import { appendSamples } from '../src/store/samples.js'
import { appendEvents } from '../src/store/timeline.js'
import { startCluster } from '../test/fixtures/cluster.js'
import { drillEvents, probeSamples, type Ending } from '../test/fixtures/events.js'
import { seedPeople, startHttp } from '../test/fixtures/http.js'
import type { Bench } from './hold.js'
import { spread, took, type Figure } from './measure.js'

const drills = 10_000
/** So many have the probe's samples too, some hundreds each, and are asked for their report. */
const sampled = 1000
const portion = 2500
const runbooks = 12
const environments = 5
const startAtMs = Date.UTC(2024, 0, 1)
const everyMs = 2 * 3_600_000

/** Drills as they end in practice: each is a template that is appended through the store's own functions, then copied. */
const endings: Ending[] = ['passed', 'passed', 'passed', 'passed-with-findings', 'passed', 'failed', 'passed', 'aborted', 'left-behind', 'invalid']

/** The API's list and reports, over the years' drills in the store. */
export async function store ({ hold, tell }: Bench): Promise<Figure[]> {
  tell('the store starts')
  const cluster = await hold.take(startCluster(), cluster => cluster.stop())
  await migrate(cluster.url)
  const opened = await hold.take(Promise.resolve(openStore(cluster.url)), store => store.close())
  const keys = await seedPeople(opened)
  await fill(opened, cluster.url, tell)
  const reports = { build: (facts: Parameters<typeof buildReport>[0]) => buildReport(facts, 'bench'), json: renderJson, markdown: renderMarkdown, html: renderHtml, body: renderBody, csv: renderCsv }
  const { app } = await hold.take(startHttp(opened, keys, { rateLimit: 1_000_000 }, { reports, log: pino({ level: 'silent' }) }), api => api.app.close())

  const ask = async (url: string): Promise<string> => {
    const answer = await app.inject({ url, headers: { authorization: `Bearer ${keys['observer']}` } })
    if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}: ${answer.payload.slice(0, 200)}`)
    return answer.payload
  }
  const lists = await listUrls(ask)
  tell(`the list, ${lists.length * 20} times`)
  const listMs: number[] = []
  for (let round = 0; round < 20; round++) for (const url of lists) listMs.push(await took(() => ask(url)))
  const reportMs: Record<string, number[]> = { json: [], html: [], md: [] }
  tell('reports, 100 of each format')
  for (let round = 0; round < 100; round++) {
    for (const [format, values] of Object.entries(reportMs)) {
      // Another drill each time: what is asked for once is seldom what is in memory.
      const id = idOf((round * 7 + values.length * 331) % sampled)
      values.push(await took(() => ask(`/v1/drills/${id}/report?format=${format}`)))
    }
  }
  const medians = Object.entries(reportMs).map(([format, values]) => `${format} ${spread(values).p50.toFixed(1)} ms`)
  return [
    { what: `list, ${drills} drills`, unit: 'ms', ours: spread(listMs), goals: [{ of: 'p99', below: 50 }], notes: [`all, by each filter, and a page deep inside; ${await sizes(opened)}`] },
    { what: `report, ${drills} drills`, unit: 'ms', ours: spread(Object.values(reportMs).flat()), goals: [{ of: 'p99', below: 300 }], notes: [`medians: ${medians.join(', ')}`] },
  ]
}

function idOf (index: number): string {
  return `runbook-${index % runbooks}-${String(index).padStart(6, '0')}`
}

/** The copies' events keep their template's times and hashes: nothing that is measured here reads those. */
async function fill ({ pool }: Store, url: string, tell: Bench['tell']): Promise<void> {
  for (const [index, ending] of endings.entries()) {
    const events = drillEvents(ending, { drillId: `template-${index}`, startAtMs, decisionMs: 4000 + index * 900 })
    await appendEvents(pool, `template-${index}`, events)
    await appendSamples(pool, `template-${index}`, probeSamples(events))
  }
  // As the tables' owner: the role that Muster works as may not copy in the large.
  const client = new Client(url)
  await client.connect()
  try {
    await client.query(`create temporary table copies as select 'template-' || n % ${endings.length} as template, 'runbook-' || n % ${runbooks} as runbook,
      'site-' || n % ${environments} as environment, 'runbook-' || n % ${runbooks} || '-' || lpad(n::text, 6, '0') as drill_id, n, n::bigint * ${everyMs} as later_ms
      from generate_series(0, ${drills - 1}) n`)
    for (let from = 0; from < drills; from += portion) {
      tell(`${from} of ${drills} drills are in the store`)
      await client.query(`insert into drills select (jsonb_populate_record(d, jsonb_build_object('drill_id', c.drill_id, 'runbook', c.runbook, 'environment', c.environment,
          'created_at_ms', d.created_at_ms + later_ms, 'started_at_ms', d.started_at_ms + later_ms, 'ended_at_ms', d.ended_at_ms + later_ms))).*
        from copies c join drills d on d.drill_id = template where n >= $1 and n < $2`, [from, from + portion])
      await client.query(`insert into timeline (drill_id, seq, at_ms, type, event, hash)
        select c.drill_id, seq, at_ms + later_ms, type, case when seq > 1 then event
          else (event::jsonb || jsonb_build_object('drillId', c.drill_id, 'runbook', c.runbook, 'environment', c.environment))::json end, hash
        from copies c join timeline t on t.drill_id = template where n >= $1 and n < $2`, [from, from + portion])
    }
    tell(`the probe's samples of ${sampled} of them`)
    await client.query(`insert into probe_samples select c.drill_id, target, at_ms, latency_ms, ok, error
      from copies c join probe_samples s on s.drill_id = template where n < $1`, [sampled])
    await client.query('delete from drills where drill_id in (select template from copies)')
    await client.query('vacuum analyze')
  } finally {
    await client.end()
  }
}

async function listUrls (ask: (url: string) => Promise<string>): Promise<string[]> {
  const urls = ['', '&environment=site-3', '&runbook=runbook-4', '&runbook=runbook-4&environment=site-3', '&verdict=invalid', '&verdict=failed&environment=site-1', '&state=running', `&from=${startAtMs}&to=${startAtMs + 100 * everyMs}`]
    .map(filter => `/v1/drills?limit=50${filter}`)
  let next: string | undefined
  for (let page = 0; page < 20; page++) next = (JSON.parse(await ask(`/v1/drills?limit=100${next === undefined ? '' : `&cursor=${next}`}`)) as { next?: string }).next
  return [...urls, `/v1/drills?limit=50&cursor=${next}`]
}

async function sizes ({ pool }: Store): Promise<string> {
  const { rows } = await pool.query<{ events: string, samples: string }>('select (select count(*) from timeline) as events, (select count(*) from probe_samples) as samples')
  return `${rows[0]!.events} events, ${rows[0]!.samples} samples`
}
