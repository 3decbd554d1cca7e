import { join, resolve } from 'node:path'
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig'
import { envSchema } from 'env-schema'
import { Type, type Static } from 'typebox'
import { parseRole } from './drill/people.js'
import { DrillError, messageOf } from './errors.js'

/**
 * Everything that Muster takes from its environment, in one schema: checked, defaulted and described here and nowhere else. Where
 * Temporal is (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TLS, API key, profile) is read by Temporal's own envconfig, as its CLI does.
 */
export const configSchema = Type.Object({
  MUSTER_STORE_URL: Type.Optional(Type.String({ pattern: '^postgres(ql)?://', description: 'Connection string of the store, e.g. postgres://muster@127.0.0.1:5432/muster' })),
  MUSTER_HOST: Type.String({ minLength: 1, default: '127.0.0.1', description: 'Address that the API listens on; loopback unless you say otherwise' }),
  MUSTER_PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 4400, description: 'Port of the API; 0 = any free one' }),
  MUSTER_PUBLIC_URL: Type.Optional(Type.String({ pattern: '^https?://[^\\s]+$', description: 'Where people reach the API, for links in answers and messages; default http://HOST:PORT' })),
  MUSTER_HOME: Type.String({ minLength: 1, default: '.muster', description: 'Folder of everything that Muster keeps on this machine' }),
  MUSTER_RUNBOOKS: Type.String({ minLength: 1, default: 'runbooks', description: 'Folder of the runbooks and, in `environments`, of the environments' }),
  MUSTER_ENVIRONMENTS: Type.Optional(Type.String({ minLength: 1, description: 'One more folder of environments; default MUSTER_HOME/environments' })),
  MUSTER_TASK_QUEUE: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$', default: 'muster', description: 'Task queue of the drills' }),
  MUSTER_DEPLOYMENT: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$', description: 'Name of the worker deployment; with it MUSTER_BUILD. A drill then ends on the build that it began with' })),
  MUSTER_BUILD: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$', description: 'Which build this worker is, e.g. the commit; with it MUSTER_DEPLOYMENT' })),
  MUSTER_LOG_LEVEL: Type.Union(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map(level => Type.Literal(level)), { default: 'info', description: 'One of fatal, error, warn, info, debug, trace, silent' }),
  MUSTER_LOG_PRETTY: Type.Boolean({ default: false, description: 'true: log lines for people instead of JSON, on a terminal' }),
  MUSTER_RATE_LIMIT: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 600, description: 'Requests a minute, for each person (or address, without a valid key)' }),
  MUSTER_STREAMS: Type.Integer({ minimum: 1, maximum: 1000, default: 20, description: 'Live event streams that one person may hold open' }),
  MUSTER_OIDC_ISSUER: Type.Optional(Type.String({ pattern: '^https?://[^\\s?#]+$', description: 'Issuer of tokens, as it stands in them; https, unless it is on this machine. Without it only keys of Muster open' })),
  MUSTER_OIDC_AUDIENCE: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'The audience that a token must name' })),
  MUSTER_OIDC_GROUPS_CLAIM: Type.String({ minLength: 1, maxLength: 255, default: 'groups', description: 'Claim with the groups: its name, or a path such as realm_access.roles' }),
  MUSTER_OIDC_ROLES: Type.Optional(Type.String({ maxLength: 20_000, description: 'What groups give: GROUP=ROLE or GROUP=ROLE@PLACE, with `;` between them; never in production' })),
  MUSTER_OIDC_CLIENT_ID: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'As what Muster’s pages are registered with the issuer, with MUSTER_PUBLIC_URL/sign-in/callback as redirect URI: people sign in there' })),
  MUSTER_OIDC_CLIENT_SECRET: Type.Optional(Type.String({ minLength: 8, maxLength: 1000, description: 'Secret of that client; without it a public client, which PKCE guards' })),
  MUSTER_OIDC_SCOPE: Type.String({ pattern: '^openid( [\\x21-\\x7e]+)*$', default: 'openid profile email', description: 'What is asked of the issuer at a sign-in; begins with openid, and brings the groups' }),
  MUSTER_SLACK_TOKEN: Type.Optional(Type.String({ pattern: '^xox[a-z]-[A-Za-z0-9-]+$', description: 'The bot token of the Slack app, xoxb-…; with it MUSTER_SLACK_SIGNING_SECRET and MUSTER_SLACK_CHANNEL' })),
  MUSTER_SLACK_SIGNING_SECRET: Type.Optional(Type.String({ minLength: 16, description: 'The signing secret of the Slack app' })),
  MUSTER_SLACK_CHANNEL: Type.Optional(Type.String({ pattern: '^[CG][A-Z0-9]{2,20}$', description: 'Id of the channel that is told of drills, e.g. C0123456789 (in Slack: the channel’s details, at the bottom)' })),
  MUSTER_SLACK_API_URL: Type.Optional(Type.String({ pattern: '^https?://[^\\s]+$', description: 'Where Slack’s Web API is, if not at https://slack.com/api/' })),
  MUSTER_TEMPORAL_UI: Type.Optional(Type.String({ pattern: '^https?://[^\\s]+$', description: 'Where Temporal’s UI is, for a link on each drill’s page' })),
  MUSTER_LOGS_URL: Type.Optional(Type.String({ pattern: '^https?://[^\\s]+$', description: 'Where a drill’s logs are, for a link on its page; {drill} stands for its id' })),
  MUSTER_TRUST_PROXY: Type.Boolean({ default: false, description: 'true: take the caller’s address from X-Forwarded-For; only behind a proxy of yours' }),
})

type Variables = Static<typeof configSchema>

interface Oidc {
  readonly issuer: string
  readonly audience: string
  readonly groupsClaim: string
  /** What each group gives: `approver`, `approver@shop`. */
  readonly roles: Readonly<Record<string, readonly string[]>>
  /** As what the pages are registered; absent: no sign-in there. */
  readonly client?: { readonly id: string, readonly secret?: string, readonly scope: string }
}

/** The configuration of a process. Frozen; paths are absolute. */
export interface Config {
  readonly storeUrl: string | undefined
  readonly host: string
  readonly port: number
  /** Without a slash at its end. */
  readonly publicUrl: string
  readonly home: string
  readonly runbooks: string
  readonly environments: string
  readonly taskQueue: string
  /** Of a worker that is versioned. */
  readonly version?: WorkerVersion
  readonly logLevel: string
  readonly logPretty: boolean
  readonly rateLimit: number
  readonly streams: number
  readonly trustProxy: boolean
  /** Whose tokens are believed; undefined: nobody's. */
  readonly oidc: Oidc | undefined
  /** Absent where no Slack is set up. */
  readonly slack: SlackConfig | undefined
  /** Down to the namespace. */
  readonly temporalUi?: string
  readonly logsUrl?: string
  readonly temporal: ClientConnectConfig
}

export interface WorkerVersion { readonly deployment: string, readonly build: string }

export interface SlackConfig { readonly token: string, readonly signingSecret: string, readonly channel: string, readonly apiUrl: string | undefined }

/**
 * Reads the configuration once, for an entry file to pass down.
 *
 * @throws DrillError `config.invalid`, naming every variable that is wrong and what it takes (never its value)
 */
export function loadConfig (env: Record<string, string | undefined>): Config {
  const variables = read(env)
  const home = resolve(variables.MUSTER_HOME)
  const connection = Object.freeze(temporal(env))
  return Object.freeze({
    storeUrl: variables.MUSTER_STORE_URL,
    host: variables.MUSTER_HOST,
    port: variables.MUSTER_PORT,
    publicUrl: (variables.MUSTER_PUBLIC_URL ?? `http://${urlHost(variables.MUSTER_HOST)}:${variables.MUSTER_PORT}`).replace(/\/+$/, ''),
    home,
    runbooks: resolve(variables.MUSTER_RUNBOOKS),
    environments: resolve(variables.MUSTER_ENVIRONMENTS ?? join(home, 'environments')),
    taskQueue: variables.MUSTER_TASK_QUEUE,
    ...version(variables),
    logLevel: variables.MUSTER_LOG_LEVEL,
    logPretty: variables.MUSTER_LOG_PRETTY,
    rateLimit: variables.MUSTER_RATE_LIMIT,
    streams: variables.MUSTER_STREAMS,
    trustProxy: variables.MUSTER_TRUST_PROXY,
    oidc: oidc(variables),
    slack: slack(variables),
    ...(variables.MUSTER_TEMPORAL_UI === undefined ? {} : { temporalUi: `${variables.MUSTER_TEMPORAL_UI.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(connection.namespace ?? 'default')}` }),
    ...(variables.MUSTER_LOGS_URL === undefined ? {} : { logsUrl: variables.MUSTER_LOGS_URL }),
    temporal: connection,
  })
}

/** The connection string, for whoever cannot do without. @throws DrillError `config.invalid` where it is not set */
export function storeUrlOf (config: Config): string {
  if (config.storeUrl === undefined) throw invalid(['MUSTER_STORE_URL is not set (postgres://USER@HOST:PORT/DATABASE); `muster dev` brings a store of its own'])
  return config.storeUrl
}

/** Where worker and watchdog of one machine meet. */
export function leasesDir (config: Pick<Config, 'home'>): string {
  return join(config.home, 'leases')
}

/** The configuration for a log line: no password, no key, no certificate. */
export function redactedConfig (config: Config): Record<string, unknown> {
  const { temporal, storeUrl, slack, oidc, ...rest } = config
  return {
    ...rest,
    // Not under its own name: the log takes away whatever is called so.
    store: storeUrl === undefined ? undefined : withoutPassword(storeUrl),
    oidc: oidc === undefined ? undefined : { ...oidc, client: oidc.client?.id },
    slack: slack === undefined ? undefined : { channel: slack.channel, apiUrl: slack.apiUrl },
    temporal: { address: temporal.connectionOptions.address, namespace: temporal.namespace ?? 'default', tls: Boolean(temporal.connectionOptions.tls), hasKey: Boolean(temporal.connectionOptions.apiKey) },
  }
}

function read (env: Record<string, string | undefined>): Variables {
  // An empty variable means "not set", as shells and compose files write it.
  const data = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  try {
    return envSchema<Variables>({ schema: structuredClone(configSchema), data, env: false, dotenv: false })
  } catch (error) {
    throw invalid(problems(error))
  }
}

/** All of it or nothing: half a Slack would post and not listen, or the other way round. */
function slack (variables: Variables): SlackConfig | undefined {
  const { MUSTER_SLACK_TOKEN: token, MUSTER_SLACK_SIGNING_SECRET: signingSecret, MUSTER_SLACK_CHANNEL: channel, MUSTER_SLACK_API_URL: apiUrl } = variables
  if (token !== undefined && signingSecret !== undefined && channel !== undefined) return Object.freeze({ token, signingSecret, channel, apiUrl })
  const wanted = { MUSTER_SLACK_TOKEN: token, MUSTER_SLACK_SIGNING_SECRET: signingSecret, MUSTER_SLACK_CHANNEL: channel }
  const missing = Object.entries(wanted).filter(([, value]) => value === undefined).map(([name]) => name)
  if (missing.length === 3 && apiUrl === undefined) return undefined
  throw invalid(missing.map(name => `${name} is not set, and Slack takes it too: ${describe(name)}`))
}

function version ({ MUSTER_DEPLOYMENT: deployment, MUSTER_BUILD: build }: Variables): { version?: WorkerVersion } {
  if (deployment !== undefined && build !== undefined) return { version: Object.freeze({ deployment, build }) }
  if (deployment === undefined && build === undefined) return {}
  const missing = deployment === undefined ? 'MUSTER_DEPLOYMENT' : 'MUSTER_BUILD'
  throw invalid([`${missing} is not set, and a versioned worker takes it too: ${describe(missing)}`])
}

function problems (error: unknown): string[] {
  const errors = (error as { errors?: Array<{ instancePath: string, params: { missingProperty?: string } }> }).errors
  if (!errors) return [messageOf(error)]
  const names = new Set(errors.map(({ instancePath, params }) => instancePath.slice(1) || params.missingProperty || 'the environment'))
  return [...names].map(name => `${name} is wrong: ${describe(name)}`)
}

function describe (name: string): string {
  const property = (configSchema.properties as Record<string, { type?: string, minimum?: number, maximum?: number, description?: string }>)[name]
  if (!property) return 'unknown'
  const range = property.minimum === undefined ? '' : ` from ${property.minimum} to ${property.maximum}`
  return `${property.type === 'integer' ? `a whole number${range}; ` : property.type === 'boolean' ? 'true or false; ' : ''}${property.description ?? ''}`
}

function oidc (variables: Variables): Oidc | undefined {
  const { MUSTER_OIDC_ISSUER: issuer, MUSTER_OIDC_AUDIENCE: audience, MUSTER_OIDC_GROUPS_CLAIM: groupsClaim, MUSTER_OIDC_ROLES: roles = '' } = variables
  const { MUSTER_OIDC_CLIENT_ID: id, MUSTER_OIDC_CLIENT_SECRET: secret, MUSTER_OIDC_SCOPE: scope } = variables
  if (issuer === undefined) {
    if (audience !== undefined || roles !== '' || id !== undefined) throw invalid(['MUSTER_OIDC_ISSUER is not set, and MUSTER_OIDC_AUDIENCE, MUSTER_OIDC_ROLES or MUSTER_OIDC_CLIENT_ID is'])
    return undefined
  }
  if (secret !== undefined && id === undefined) throw invalid(['MUSTER_OIDC_CLIENT_ID is not set, and MUSTER_OIDC_CLIENT_SECRET is'])
  if (audience === undefined) throw invalid(['MUSTER_OIDC_AUDIENCE is not set: without it a token for any other program would open Muster'])
  const { protocol, hostname } = URL.canParse(issuer) ? new URL(issuer) : { protocol: '', hostname: '' }
  if (protocol !== 'https:' && !/^(127\.[\d.]+|localhost|\[::1\])$/.test(hostname)) throw invalid(['MUSTER_OIDC_ISSUER is wrong: it takes https, else anybody on the way could give out keys'])
  return Object.freeze({ issuer, audience, groupsClaim, roles: Object.freeze(groups(roles)), ...id === undefined ? {} : { client: Object.freeze({ id, secret, scope }) } })
}

/** `dr-leads=commander; cn=dr,ou=x=approver@shop`: the last `=` counts, names of groups may hold some. */
function groups (text: string): Record<string, string[]> {
  // Without a prototype: a group may be called `constructor`.
  const found = Object.create(null) as Record<string, string[]>
  for (const entry of text.split(';').map(part => part.trim()).filter(part => part !== '')) {
    const at = entry.lastIndexOf('=')
    const [group, role] = [entry.slice(0, at).trim(), entry.slice(at + 1).trim()]
    const parsed = at > 0 && group !== '' ? parseRole(role) : undefined
    if (!parsed) throw invalid([`MUSTER_OIDC_ROLES is wrong: "${entry.slice(0, 80)}" is no GROUP=ROLE or GROUP=ROLE@PLACE`])
    if (parsed.in === 'tier:production') throw invalid([`MUSTER_OIDC_ROLES is wrong: "${entry.slice(0, 80)}" reaches production, which takes a grant that two admins made (muster people grant)`])
    found[group] = [...found[group] ?? [], role]
  }
  return found
}

function temporal (env: Record<string, string | undefined>): ClientConnectConfig {
  try {
    const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)
    return loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(set) })
  } catch (error) {
    throw invalid([`TEMPORAL_*: ${messageOf(error)}`])
  }
}

function invalid (lines: string[]): DrillError {
  return new DrillError('config.invalid', lines.join('; '), { details: lines })
}

function withoutPassword (url: string): string {
  return URL.canParse(url) ? `${new URL(url).protocol}//${new URL(url).host}${new URL(url).pathname}` : '[unreadable]'
}

function urlHost (host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
