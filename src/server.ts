import { join } from 'node:path'
import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import { loadConfig, redactedConfig, storeUrlOf } from './config.js'
import { DrillError, messageOf } from './errors.js'
import { buildApp } from './http/app.js'
import type { Reports } from './http/deps.js'
import type { Drawings } from './http/results.js'
import { announceDrills } from './http/slack/announce.js'
import { renderHtml as renderLoadHtml } from './load/report/html.js'
import { renderMarkdown as renderLoadMarkdown } from './load/report/markdown.js'
import { renderPrometheus as renderLoadPrometheus } from './load/report/prometheus.js'
import { createLog } from './log.js'
import { loadCatalog, type Catalog } from './runbook/catalog.js'
import { buildReport, renderBody, renderCsv, renderHtml, renderJson, renderMarkdown } from './report/index.js'
import { renderSuiteHtml, renderSuiteJson, renderSuiteJunit, renderSuitePrometheus } from './report/suite.js'
import { problemLine } from './runbook/problem.js'
import { connectSlack } from './slack/client.js'
import { pendingMigrations } from './store/migrate.js'
import { openStore, type Store } from './store/pool.js'
import { connectTemporal } from './temporal/connect.js'
import { temporalDoor } from './temporal/drills.js'
import { musterVersion } from './version.js'

// The API. It starts with the store or Temporal away, and says on /readyz which is missing.

/** Longest wait for requests that are under way when the server is told to stop, ms. */
const graceMs = 10_000
/** For how long the files are taken as they were read, ms: long enough for a page, short enough for an editor. */
const catalogMs = 1000

const reports: Reports = {
  build: facts => buildReport(facts, musterVersion),
  json: renderJson,
  markdown: renderMarkdown,
  html: renderHtml,
  body: renderBody,
  csv: renderCsv,
}

const drawings: Drawings = {
  load: { json: result => `${JSON.stringify(result)}\n`, html: renderLoadHtml, markdown: renderLoadMarkdown, prometheus: renderLoadPrometheus },
  suite: { json: renderSuiteJson, html: renderSuiteHtml, junit: renderSuiteJunit, prometheus: renderSuitePrometheus },
}

/** Refuses to work on tables that this Muster does not know. Where the store is away it cannot be asked: /readyz says so. */
async function assertCurrent (store: Store, warn: (message: string) => void): Promise<void> {
  try {
    const pending = await pendingMigrations(store)
    if (pending.length > 0) throw new DrillError('store.outdated', `the store lacks ${pending.join(', ')}: run \`muster migrate\`, then start again`)
  } catch (error) {
    if (!(error instanceof DrillError) || error.code !== 'store.down') throw error
    warn(`${error.message}; the API answers as far as it can without the store`)
  }
}

/** What was read, for as long as it counts as fresh; a failure is not kept. */
function remembered (read: () => Promise<Catalog>, ms: number): () => Promise<Catalog> {
  let last: { atMs: number, value: Promise<Catalog> } | undefined
  return async () => {
    if (!last || Date.now() - last.atMs >= ms) {
      const value = read()
      last = { atMs: Date.now(), value }
      value.catch(() => { if (last?.value === value) last = undefined })
    }
    return await last.value
  }
}

try {
  const config = loadConfig(process.env)
  const log = createLog(config, process.stdout.isTTY)
  const store = openStore(storeUrlOf(config))
  await assertCurrent(store, message => { log.warn(message) })
  const temporal = connectTemporal(config.temporal)
  const catalog = remembered(async () => await loadCatalog({
    runbookDirs: [config.runbooks],
    environmentDirs: [join(config.runbooks, 'environments'), config.environments],
  }), catalogMs)
  const { runbooks, environments, problems } = await catalog()
  for (const problem of problems) log.warn(problemLine(problem))
  const slack = config.slack && { slack: connectSlack(config.slack), signingSecret: config.slack.signingSecret }
  const app = await buildApp({ store, temporal: temporalDoor(temporal.client, { taskQueue: config.taskQueue }), catalog, reports, drawings, slack, config, log })
  let announcer: { stop: () => Promise<void> } | undefined
  const release = async (): Promise<void> => {
    await Promise.all([app.close(), announcer?.stop()])
    await Promise.allSettled([store.close(), temporal.close()])
  }
  await app.listen({ host: config.host, port: config.port }).catch(async (error: unknown) => {
    await release()
    throw new DrillError('config.invalid', `MUSTER_HOST and MUSTER_PORT: ${messageOf(error)}`, { cause: error })
  })
  if (config.slack && slack) announcer = announceDrills({ store, slack: slack.slack, channel: config.slack.channel, publicUrl: config.publicUrl, log })
  // From here on: before that there is nothing to end gracefully, and an exit code to keep.
  closeWithGrace({ delay: graceMs, logger: { error: message => { log.error(message) } } }, async ({ err, signal }) => {
    if (err) log.fatal({ err }, 'the server ends: a mistake of Muster’s own')
    else log.info(`${signal ?? 'told'}: the server stops; running drills go on`)
    await release()
  })
  log.info({ config: redactedConfig(config), runbooks: runbooks.length, environments: environments.length }, `server ready at ${config.publicUrl}, reference at ${config.publicUrl}/docs`)
} catch (error) {
  if (!(error instanceof DrillError)) throw error
  pino().fatal({ code: error.code }, error.message)
  process.exitCode = 1
}
