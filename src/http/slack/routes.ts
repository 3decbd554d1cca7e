import { Ajv } from 'ajv'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { DrillError } from '../../errors.js'
import { whyUnsigned } from '../../slack/signature.js'
import { takeRequest } from '../../store/slack.js'
import type { App, AppDeps, SlackDeps } from '../deps.js'
import { Clickers, type Clicker } from './clicker.js'
import { choose, click, shortcut } from './clicks.js'
import { runSlashCommand } from './command.js'
import { commandForm, interaction, messageClick, modalChoice, reaction, shortcut as shortcutPayload, submission, type Interaction } from './payloads.js'
import { onReaction } from './pins.js'
import { submit } from './submissions.js'
import type { Talk } from './talk.js'

/** Slack waits three seconds; an event that takes longer is sent again. */
const patienceMs = 2500
/** How long the store may take to say whether a request was here before, ms. */
const memoryMs = 1000
/** How long requests that were answered may go on when the server stops, ms. */
const graceMs = 5000

/**
 * What Slack sends: commands, clicks and forms, events. Each is proven by its signature over the raw body and taken once, answered
 * at once, and worked on after that; what comes of it is told to who did it, alone.
 */
export function slackRoutes (app: App, deps: AppDeps, { slack, signingSecret }: SlackDeps): void {
  const talk: Talk = {
    store: deps.store, temporal: deps.temporal, catalog: deps.catalog, config: deps.config, slack, signingSecret, log: deps.log,
    clickers: new Clickers(deps.store, slack),
  }
  const taken = new Map<string, number>()
  const working = new Set<Promise<void>>()
  const later = (work: Promise<void>): void => {
    const done = work.catch((error: unknown) => { deps.log.error({ err: error }, 'a request of Slack failed') }).finally(() => { working.delete(done) })
    working.add(done)
  }
  app.addHook('onClose', async () => {
    await Promise.race([Promise.all(working), new Promise(resolve => { setTimeout(resolve, graceMs).unref() })])
  })

  app.register(async (scope: FastifyInstance) => {
    scope.removeAllContentTypeParsers()
    // The signature is over the bytes as they came.
    scope.addContentTypeParser(['application/x-www-form-urlencoded', 'application/json'], { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
    scope.addHook('preHandler', async (request, reply) => {
      reply.header('x-slack-no-retry', '1')
      await prove(request)
      reply.removeHeader('x-slack-no-retry')
    })
    const options = { config: { right: 'public' as const, rateLimit: { max: 6000 } }, schema: { hide: true } }

    scope.post('/slack/commands', options, async (request, reply) => {
      const form = checked(commandForm, Object.fromEntries(new URLSearchParams(textOf(request))))
      const workspace = form.is_enterprise_install === 'true' && form.enterprise_id ? form.enterprise_id : form.team_id
      later(runSlashCommand(talk, { workspace, user: form.user_id, responseUrl: form.response_url, triggerId: form.trigger_id, text: form.text, key: form.trigger_id }))
      return await reply.code(200).send()
    })

    scope.post('/slack/actions', options, async (request, reply) => {
      const payload = parsed(new URLSearchParams(textOf(request)).get('payload') ?? '')
      const { type, ...rest } = checked(interaction, payload)
      const clicker = clickerOf({ type, ...rest })
      if (type === 'view_submission') {
        const answer = await submit(talk, clicker, checked(submission, payload), later)
        return answer === undefined ? await reply.code(200).send() : await reply.code(200).send(answer)
      }
      if (type === 'message_action') {
        const action = checked(shortcutPayload, payload)
        later(shortcut(talk, { ...clicker, responseUrl: action.response_url }, action))
      } else if (type === 'block_actions' && (payload as { view?: unknown }).view !== undefined) {
        later(choose(talk, clicker, checked(modalChoice, payload)))
      } else if (type === 'block_actions') {
        const action = checked(messageClick, payload)
        later(click(talk, { ...clicker, responseUrl: action.response_url }, action))
      }
      return await reply.code(200).send()
    })

    scope.post('/slack/events', options, async (request, reply) => {
      const payload = parsed(textOf(request)) as { type?: string, challenge?: unknown, event?: { type?: string } }
      if (payload.type === 'url_verification') return await reply.code(200).send({ challenge: String(payload.challenge) })
      if (payload.event?.type !== 'reaction_added') return await reply.code(200).send()
      const work = onReaction(talk, checked(reaction, payload))
      work.catch(() => {})
      const late = new Promise<never>((_resolve, reject) => { setTimeout(() => { reject(new DrillError('server.busy', 'it takes longer than Slack waits; Slack sends it again')) }, patienceMs).unref() })
      // A failure that another try may mend is said, so that Slack tries again.
      await Promise.race([work, late])
      return await reply.code(200).send()
    })
  })

  /** @throws DrillError `slack.signature`, `slack.replayed` */
  async function prove (request: FastifyRequest): Promise<void> {
    const { 'x-slack-signature': signature, 'x-slack-request-timestamp': timestamp } = request.headers
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    const why = whyUnsigned(signingSecret, { signature, timestamp, body }, Date.now())
    if (why !== undefined) throw new DrillError('slack.signature', `this request is not proven to be from Slack: ${why}`)
    // Slack sends an event again within the second, with the same signature; what an event does is named after its message, so twice is once.
    if (request.url.startsWith('/slack/events')) return
    if (!await isFirst(String(signature))) throw new DrillError('slack.replayed', 'this very request was taken already')
  }

  /** In this process by memory, in all of them by the store; while that is down, memory is all there is. */
  async function isFirst (signature: string): Promise<boolean> {
    const now = Date.now()
    for (const [known, atMs] of taken) {
      if (now - atMs < 900_000) break
      taken.delete(known)
    }
    if (taken.has(signature)) return false
    taken.set(signature, now)
    const unknown = new Promise<boolean>(resolve => { setTimeout(() => { resolve(true) }, memoryMs).unref() })
    return await Promise.race([takeRequest(deps.store.pool, signature).catch(() => true), unknown])
  }
}

function textOf (request: FastifyRequest): string {
  return (request.body as Buffer).toString('utf8')
}

function parsed (text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new DrillError('input.invalid', 'what Slack sent is no JSON')
  }
}

const ajv = new Ajv({ strict: false })
const validators = new Map<TSchema, ReturnType<typeof ajv.compile>>()

function checked<S extends TSchema> (schema: S, value: unknown): Static<S> {
  const validate = validators.get(schema) ?? ajv.compile(schema)
  validators.set(schema, validate)
  if (!validate(value)) throw new DrillError('input.invalid', `what Slack sent has a wrong shape: ${ajv.errorsText(validate.errors, { dataVar: 'it' })}`)
  return value as Static<S>
}

/** A guest of a shared channel is of another workspace than the message: it is their own that names them. */
function clickerOf ({ user, team, enterprise, is_enterprise_install: isEnterprise }: Interaction): Clicker {
  const workspace = isEnterprise && enterprise ? enterprise.id : user.team_id ?? team?.id ?? ''
  return { workspace, user: user.id }
}
