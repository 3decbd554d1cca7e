import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceError, type Client } from '@temporalio/client'
import { within } from '../src/temporal/errors.js'

/** A connection that has no server: what is asked answers at once. */
const client = { connection: { withDeadline: async (_deadline: number, ask: () => Promise<unknown>) => await ask() } } as unknown as Pick<Client, 'connection'>

/** As gRPC gives it, in the wrapping of Temporal's client. */
const refusal = (code: number, details: string): ServiceError =>
  new ServiceError('Workflow Update failed', { cause: Object.assign(new Error(`${code} FAILED_PRECONDITION: ${details}`), { code, details, metadata: {} }) })
const passedOver = (): ServiceError => refusal(9, 'Unable to perform workflow execution update due to unexpected workflow task failure.')

test('an update that Temporal passed over, for an event that came meanwhile, is asked again', async () => {
  let asked = 0
  assert.equal(await within(client, 5000, 'd', async () => { if (++asked < 3) throw passedOver(); return 'taken' }), 'taken')
  assert.equal(asked, 3)
})

test('one that is passed over until its deadline hears that nobody answered', async () => {
  let asked = 0
  await assert.rejects(within(client, 120, 'd', async () => { asked++; throw passedOver() }), { code: 'temporal.timeout', message: /no worker answered for d within 0.12 s/ })
  assert.ok(asked >= 2, 'it was asked again')
})

test('whatever else fails is not asked again', async () => {
  for (const [failure, code] of [[refusal(9, 'another precondition'), 'temporal.timeout'], [refusal(14, 'away'), 'temporal.down'], [new Error('boom'), 'internal']] as const) {
    let asked = 0
    await assert.rejects(within(client, 5000, 'd', async () => { asked++; throw failure }), { code })
    assert.equal(asked, 1, code)
  }
})
