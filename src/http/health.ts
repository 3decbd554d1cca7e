import { Type } from 'typebox'
import { errorTable, messageOf, DrillError } from '../errors.js'
import { redactText } from '../log.js'
import { rows } from '../store/pool.js'
import { openAnswers, Strict } from './schemas/answers.js'
import type { App, AppDeps } from './deps.js'

/** How long a part may take to say that it is there, ms. */
const patienceMs = 2000

const Part = Type.Object({ up: Type.Boolean(), message: Type.Optional(Type.String({ description: 'Why not, and what to do' })) })
const Ready = Type.Object({ ready: Type.Boolean(), store: Part, temporal: Part })

/** Alive: this process answers. Ready: the store and Temporal were asked just now, and answered. */
export function healthRoutes (app: App, { store, temporal }: AppDeps): void {
  app.get('/livez', {
    config: { right: 'public', rateLimit: false },
    schema: { operationId: 'isAlive', tags: ['operations'], security: [], summary: 'Whether this process answers', querystring: Strict({}), response: openAnswers({ 200: Type.Object({ alive: Type.Literal(true) }) }) },
  }, async () => ({ alive: true as const }))

  app.get('/readyz', {
    config: { right: 'public' },
    schema: {
      operationId: 'isReady', tags: ['operations'], security: [], summary: 'Whether the store and Temporal answer; says which does not',
      querystring: Strict({}),
      response: { ...openAnswers({ 200: Ready }), 503: Type.Union([Ready, openAnswers({})[503]]) },
    },
  }, async (_request, reply) => {
    const [storeAnswer, temporalAnswer] = await Promise.all([
      part('store.down', rows(store.pool, 'select 1')),
      part('temporal.down', temporal.ping()),
    ])
    const ready = storeAnswer.up && temporalAnswer.up
    if (!ready) reply.code(503)
    return { ready, store: storeAnswer, temporal: temporalAnswer }
  })
}

async function part (code: 'store.down' | 'temporal.down', answer: Promise<unknown>): Promise<{ up: boolean, message?: string }> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new DrillError(code, `no answer within ${patienceMs / 1000} s`)) }, patienceMs)
  })
  try {
    await Promise.race([answer, late])
    return { up: true }
  } catch (error) {
    return { up: false, message: redactText(`${messageOf(error)}. ${errorTable[code].remedy}`) }
  } finally {
    clearTimeout(timer)
  }
}
