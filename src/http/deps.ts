import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { DrillReport, ReportFacts } from '../drill/report.js'
import type { Catalog } from '../runbook/catalog.js'
import type { Slack } from '../slack/client.js'
import type { Store } from '../store/pool.js'
import type { TemporalDoor } from '../temporal/door.js'
import type { Drawings } from './results.js'
import type { OidcConfig, Tokens } from './tokens.js'

/** What the API is told of the configuration. */
export interface ApiConfig {
  /** Without a slash at its end: links in answers begin with it. */
  publicUrl: string
  /** Requests a minute. */
  rateLimit: number
  /** Event streams that one person may hold open. */
  streams: number
  trustProxy: boolean
  /** Whose tokens are believed beside our own keys; absent: nobody's. */
  oidc?: OidcConfig
  /** Temporal's UI down to the namespace: a drill is `/workflows/ID` below it. */
  temporalUi?: string
  /** Where a drill's logs are; `{drill}` stands for its id. */
  logsUrl?: string
}

/** How a report is made and drawn: pure. */
export interface Reports {
  build: (facts: ReportFacts) => DrillReport
  /** Canonical JSON: what the digest was made over. */
  json: (report: DrillReport) => string
  markdown: (report: DrillReport) => string
  html: (report: DrillReport) => string
  /** The inside of a page, for the run page of a drill that has ended. */
  body: (report: DrillReport) => string
  csv: (report: DrillReport) => string
}

export interface SlackDeps { slack: Slack, signingSecret: string }

/** Everything that the API works with. */
export interface AppDeps {
  store: Store
  temporal: TemporalDoor
  /** Read anew where files have changed: a lab that starts later is there. */
  catalog: () => Promise<Catalog>
  reports: Reports
  drawings: Drawings
  /** Absent where no Slack is set up. */
  slack?: SlackDeps
  config: ApiConfig
  log: FastifyBaseLogger
  /** In the place of those of `config.oidc`. */
  tokens?: Tokens
}

export type App = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>
