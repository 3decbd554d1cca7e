import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker'

const folder = fileURLToPath(new URL('histories/', import.meta.url))
const names = readdirSync(folder).filter(name => name.endsWith('.json'))
const history = (name: string): { events: Array<Record<string, unknown>> } => JSON.parse(readFileSync(`${folder}${name}`, 'utf8'))

let bundle: WorkflowBundle
before(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') })
  bundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)), logger: new DefaultLogger('ERROR') })
})
const replay = async (events: object): Promise<void> => { await Worker.runReplayHistory({ workflowBundle: bundle }, events) }

describe('a drill that began on earlier code goes on', () => {
  for (const name of names) {
    test(name, async () => { await replay(history(name)) })
  }

  test('a history that another code wrote is caught', async () => {
    const changed = history('passed.json')
    const scheduled = changed.events.find(event => event.activityTaskScheduledEventAttributes) as { activityTaskScheduledEventAttributes: { activityType: { name: string } } }
    scheduled.activityTaskScheduledEventAttributes.activityType.name = 'something.else'
    await assert.rejects(replay(changed), /[Nn]ondeterminism|TMPRL1100|does not match/)
  })
})

test('the bundle holds exactly the workflows that are meant', async () => {
  const exported = await import('../workflows/index.js')
  assert.deepEqual(Object.keys(exported).sort(), ['drill', 'environmentLock', 'halt', 'preflight', 'undoOwed'])
})
