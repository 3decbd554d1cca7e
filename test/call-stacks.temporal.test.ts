import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { drillsOfThisFile } from './fixtures/drills.js'
import { ben, drillOf, gate } from './fixtures/temporal.js'

const drills = drillsOfThisFile()

test('workflows keep no call stacks, and say so to who asks for them', async () => {
  const input = drillOf([gate('go', { deadline: '5m' })])
  await drills.temporal.door.start(input)
  await drills.until(input, status => status.phase === 'waiting')
  const handle = drills.temporal.client.workflow.getHandle(input.drillId)
  await assert.rejects(handle.query('__stack_trace'), /stack traces are not enabled on this worker/)
  await drills.temporal.door.decide(input.drillId, { step: 'go', answer: 'approve', person: ben, door: 'api', key: input.drillId })
  assert.equal((await drills.result(input)).verdict, 'passed')
})

test('other threads of the process are what they were', () => {
  const { Worker: now } = createRequire(import.meta.url)('node:worker_threads') as { Worker: typeof Worker }
  assert.equal(now, Worker)
})
