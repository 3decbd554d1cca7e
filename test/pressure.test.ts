import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import type { Right } from '../src/drill/rights.js'
import { DrillError } from '../src/errors.js'
import { refuseUnderPressure } from '../src/http/pressure.js'

const block = (ms: number): void => { for (const end = performance.now() + ms; performance.now() < end;); }

/** An app that was under pressure from its first moment on, asked as if so long after its start. */
async function pressed (afterMs: number, use: (codeOf: (url: string) => Promise<string>) => Promise<void>): Promise<void> {
  let nowMs = 1000
  const app = Fastify()
  app.setErrorHandler((error, _request, reply) => reply.code(503).send({ code: error instanceof DrillError ? error.code : String(error) }))
  await refuseUnderPressure(app, { sampleMs: 50, maxDelayMs: 20, now: () => nowMs })
  const routes: Record<string, Right> = { '/work': 'drill.start', '/stop': 'drill.abort', '/halt': 'halt.set', '/readyz': 'public', '/slack/click': 'public' }
  for (const [url, right] of Object.entries(routes)) app.get(url, { config: { right } }, async () => ({ code: 'done' }))
  try {
    block(200)
    await app.ready()
    nowMs += afterMs
    while (!app.isUnderPressure()) {
      block(100)
      await new Promise(resolve => setImmediate(resolve))
    }
    await use(async url => (await app.inject(url)).json<{ code: string }>().code)
  } finally {
    await app.close()
  }
}

test('a loop that was held by the start of the process refuses nobody', async () => {
  await pressed(99, async codeOf => { assert.equal(await codeOf('/work'), 'done') })
})

test('a loop that is held later refuses work, and never what stops a drill or tells whether the API lives', async () => {
  await pressed(100, async codeOf => {
    // The pressure may have gone again before it is asked.
    while (await codeOf('/work') !== 'server.busy') block(100)
    for (const url of ['/stop', '/halt', '/readyz', '/slack/click']) {
      block(100)
      assert.equal(await codeOf(url), 'done', url)
    }
  })
})
