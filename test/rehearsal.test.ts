import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantiate } from '../src/drill/instantiate.js'
import { rehearsalOf } from '../src/drill/rehearsal.js'
import { allSteps } from '../src/drill/runbook.js'
import { validateInstance } from '../src/runbook/instance.js'
import { loadRunbook } from '../src/runbook/load.js'
import { labEnvironment } from './fixtures/environments.js'

const environment = labEnvironment()
environment.database!.links!.replication ??= environment.database!.links!.api!

for (const name of ['database-primary-failure', 'redis-cache-failure', 'api-crash', 'network-partition', 'link-cut', 'disk-full']) {
  test(`the rehearsal of ${name} asks the same people the same questions, and touches nothing`, async () => {
    const loaded = await loadRunbook(`runbooks/${name}.yaml`)
    const { runbook, problems } = instantiate(loaded.value!, { params: {}, environment })
    assert.deepEqual(problems, [])
    const rehearsal = rehearsalOf(runbook, environment)
    assert.deepEqual(validateInstance(rehearsal), [])
    assert.deepEqual([rehearsal.name, rehearsal.readOnly, rehearsal.observe], [`${name}-rehearsal`, true, undefined])
    const before = allSteps(runbook.steps)
    const after = allSteps(rehearsal.steps)
    assert.deepEqual(after.map(step => step.id), before.map(step => step.id))
    assert.deepEqual(after.filter(step => step.kind === 'gate' || step.kind === 'task'), before.filter(step => step.kind === 'gate' || step.kind === 'task'))
    assert.ok(!after.some(step => step.kind === 'action' || step.kind === 'undo' || step.kind === 'runbook'), 'nothing acts')
    const first = before.findIndex(step => step.kind === 'action')
    for (const [index, step] of after.entries()) if (step.kind === 'check') assert.ok(index < first, `${step.id} asks after what was only announced`)
  })
}

test('what is only announced says what it would do', async () => {
  const loaded = await loadRunbook('runbooks/redis-cache-failure.yaml')
  const { runbook } = instantiate(loaded.value!, { params: {}, environment })
  const step = rehearsalOf(runbook, environment).steps.find(step => step.id === 'break')
  assert.equal(step?.title, 'Only announced: Break the cache\'s primary: kill Redis ‹primary of steady-before›')
})
