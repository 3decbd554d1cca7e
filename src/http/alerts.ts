import { setTimeout as delay } from 'node:timers/promises'
import { Type, type Static } from 'typebox'
import type { AlertMessage } from '../../workflows/messages.js'
import { DrillError } from '../errors.js'
import type { App, AppDeps } from './deps.js'
import { answers, Strict } from './schemas/answers.js'

const labels = Type.Record(Type.String(), Type.String({ maxLength: 4000 }), { maxProperties: 200 })
const Alert = Type.Object({
  status: Type.Union([Type.Literal('firing'), Type.Literal('resolved')]),
  labels,
  annotations: Type.Optional(labels),
  startsAt: Type.Optional(Type.String({ maxLength: 64 })),
  endsAt: Type.Optional(Type.String({ maxLength: 64 })),
}, { additionalProperties: true })

/** Alertmanager's webhook, version 4. Keys that it may grow are taken, and not read. */
const Webhook = Type.Object({
  version: Type.Literal('4'),
  alerts: Type.Array(Alert, { maxItems: 500 }),
}, {
  additionalProperties: true,
  examples: [{ version: '4', status: 'firing', alerts: [{ status: 'firing', labels: { alertname: 'PostgresDown', environment: 'lab' }, annotations: { summary: 'db1 does not answer' }, startsAt: '2026-11-23T10:00:00Z' }] }],
})

/** Pauses before a failed alert is told again, ms: the arrival is stamped, so being late costs no measurement. */
const pausesMs = [500, 1000, 2000, 4000, 8000, 16_000]

/** Alerts, from Alertmanager: each is told to the drill that holds the environment of its label `environment`. */
export function alertRoutes (app: App, { temporal }: AppDeps): void {
  const closing = new AbortController()
  app.addHook('preClose', async () => { closing.abort() })

  app.post('/v1/alerts', {
    config: { right: 'alert.send' },
    schema: {
      operationId: 'receiveAlerts', tags: ['operations'], summary: 'Alertmanager’s webhook',
      description: 'Answers at once; the moment of arrival is what counts as detected. An alert without the label `environment`, or for one that no drill holds, is ignored.',
      querystring: Strict({}), body: Webhook,
      response: answers({ 200: Type.Object({ accepted: Type.Integer(), ignored: Type.Integer() }) }),
    },
  }, async request => {
    const arrivedAtMs = Date.now()
    const told = request.body.alerts.flatMap(alert => {
      const { environment } = alert.labels
      return environment === undefined ? [] : [{ environment, message: messageOf(alert, arrivedAtMs) }]
    })
    for (const { environment, message } of told) tell(environment, message).catch(() => {})
    return { accepted: told.length, ignored: request.body.alerts.length - told.length }
  })

  /** Never rejects: whatever fails is logged. */
  async function tell (environment: string, message: AlertMessage): Promise<void> {
    for (const pause of [...pausesMs, undefined]) {
      try {
        const drillId = await temporal.alert(environment, message)
        app.log.info({ environment, alert: message.name, state: message.state, drillId }, drillId === undefined ? 'alert ignored: no drill there' : 'alert passed on')
        return
      } catch (error) {
        if (pause === undefined || closing.signal.aborted || !(error instanceof DrillError && error.retryable)) {
          app.log.error({ err: error, environment, alert: message.name }, 'alert lost')
          return
        }
      }
      await delay(pause, undefined, { signal: closing.signal, ref: false }).catch(() => {})
    }
  }
}

function messageOf ({ labels, annotations, status, startsAt }: Static<typeof Alert>, arrivedAtMs: number): AlertMessage {
  const startsAtMs = Date.parse(startsAt ?? '')
  return {
    name: (labels['alertname'] ?? 'unnamed').slice(0, 200),
    state: status,
    arrivedAtMs,
    ...(Number.isNaN(startsAtMs) ? {} : { startsAtMs }),
    ...(annotations?.['summary'] === undefined ? {} : { summary: annotations['summary'].slice(0, 500) }),
  }
}
