import { randomUUID } from 'node:crypto'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { LogController, type FastifyInstance } from 'fastify'
import { DrillError } from '../errors.js'
import { personByKey, personByToken } from '../store/people.js'
import { alertRoutes } from './alerts.js'
import { bucketOf, guardRoutes, refuseKeysInAddresses } from './auth.js'
import { catalogRoutes } from './catalog.js'
import type { AppDeps } from './deps.js'
import { drillRoutes } from './drills.js'
import { answerFailure, answerNoHttp, answerUnknownRoutes } from './failures.js'
import { grantRoutes } from './grants.js'
import { healthRoutes } from './health.js'
import { Identities } from './identities.js'
import { haltRoutes } from './halts.js'
import { keyRoutes } from './keys.js'
import { messageRoutes } from './messages.js'
import { owedRoutes } from './owed.js'
import { countRequests, metricsRoutes } from './metrics.js'
import { describeApi } from './openapi.js'
import { pageRoutes } from './pages.js'
import { peopleRoutes } from './people.js'
import { planRoutes } from './plans.js'
import { refuseUnderPressure } from './pressure.js'
import { reportRoutes } from './reports.js'
import { resultRoutes } from './results.js'
import { linkingRoutes } from './slack/linking.js'
import { slackRoutes } from './slack/routes.js'
import { openSessions } from './sessions.js'
import { openSingleSignOn } from './single-sign-on.js'
import { openStreams, streamRoutes } from './stream.js'
import { timelineRoutes } from './timeline.js'
import { openTokens } from './tokens.js'
import { validatorCompiler } from './validation.js'

/** Largest body, bytes: a start with all its parameters is a few KB, Alertmanager's batches some more. */
export const bodyLimit = 256 * 1024

/**
 * The whole HTTP surface, ready for `listen` or `inject`; the caller closes it. Order matters: the rate limit comes before the
 * key is looked at, and routes that are added after `guardRoutes` cannot be without a right.
 */
export async function buildApp (deps: AppDeps): Promise<FastifyInstance> {
  const { store, config, log } = deps
  const app = Fastify({
    loggerInstance: log,
    // What was refused or failed is logged by the error handler, what was done by its route: not every look of a watcher.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    trustProxy: config.trustProxy,
    bodyLimit,
    // Slow senders are cut off; answers may take longer (a start waits for its preflight).
    requestTimeout: 30_000,
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: true },
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => { answerFailure(error, request, reply, bodyLimit) },
    clientErrorHandler: answerNoHttp,
  }).withTypeProvider<TypeBoxTypeProvider>()
  const tokens = deps.tokens ?? (config.oidc === undefined ? undefined : openTokens(config.oidc))
  const identities = new Identities(async credential => {
    if (credential.startsWith('mst_')) return await personByKey(store.pool, credential)
    if (!tokens) throw new DrillError('auth.invalid', 'tokens are not taken here: no issuer is configured (MUSTER_OIDC_ISSUER); send a key of Muster')
    const facts = await tokens.verify(credential)
    return { ...await personByToken(store.pool, facts), untilMs: facts.untilMs }
  })
  const sessions = openSessions(store, config.publicUrl)
  const known = { forgetAll: () => { for (const one of [identities, sessions]) one.forgetAll() } }
  const metrics = countRequests(app)
  const streams = openStreams(config.streams, metrics)

  app.setValidatorCompiler(validatorCompiler)
  app.setErrorHandler((error, request, reply) => { answerFailure(error, request, reply, bodyLimit) })
  refuseWhileClosing(app)
  refuseKeysInAddresses(app)
  await app.register(helmet, {
    // The API answers no page; those that there are say what they need themselves.
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // Whoever ends TLS in front of Muster decides about that.
    strictTransportSecurity: false,
  })
  await refuseUnderPressure(app)
  await app.register(rateLimit, {
    max: config.rateLimit,
    timeWindow: 60_000,
    cache: 10_000,
    keyGenerator: request => bucketOf(request, identities, sessions),
    errorResponseBuilder: (_request, { ttl, max }) => new DrillError('rate.limited', `more than ${max} requests in a minute; wait ${Math.ceil(ttl / 1000)} s`),
  })
  await describeApi(app)
  guardRoutes(app, identities)
  answerUnknownRoutes(app)

  drillRoutes(app, deps)
  timelineRoutes(app, deps)
  streamRoutes(app, deps, streams)
  messageRoutes(app, deps)
  haltRoutes(app, deps)
  owedRoutes(app, deps)
  reportRoutes(app, deps)
  resultRoutes(app, deps)
  planRoutes(app, deps)
  catalogRoutes(app, deps)
  alertRoutes(app, deps)
  peopleRoutes(app, deps, known)
  keyRoutes(app, deps, known)
  grantRoutes(app, deps, known)
  healthRoutes(app, deps)
  metricsRoutes(app, deps, metrics)
  linkingRoutes(app, deps)
  if (deps.slack) slackRoutes(app, deps, deps.slack)
  const { oidc, publicUrl } = config
  const singleSignOn = oidc?.client && tokens && openSingleSignOn({ issuer: oidc.issuer, client: oidc.client }, tokens, `${publicUrl}/sign-in/callback`)
  await pageRoutes(app, deps, sessions, streams, bodyLimit, singleSignOn)
  app.addHook('preClose', async () => { streams.closeAll() })
  await app.ready()
  return app
}

/** A request on a connection that is kept alive hears that it should go elsewhere, in the shape of every other failure. */
function refuseWhileClosing (app: FastifyInstance): void {
  let closing = false
  app.addHook('preClose', async () => { closing = true })
  app.addHook('onRequest', async (_request, reply) => {
    if (!closing) return
    reply.header('connection', 'close')
    throw new DrillError('server.stopping', 'this server is shutting down; running drills go on')
  })
}
