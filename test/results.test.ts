import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { resultsIn, type ResultOnItsWay } from '../activities/results.js'

const scratch = mkdtempSync(join(tmpdir(), 'muster-results-'))
after(() => { rmSync(scratch, { recursive: true, force: true }) })

const result = { drillId: 'd', step: 'smoke', kind: 'suite', result: { runId: 'smoke-1' } } as ResultOnItsWay

test('a result that the store does not take waits in a file, and is brought there later, once however many ask', async () => {
  const saved: string[] = []
  let isAway = true
  const results = resultsIn({
    dataDir: scratch, patienceMs: 20, log: () => {},
    save: async ({ result }) => {
      if (isAway) throw new Error('the store is away')
      await new Promise(resolve => setTimeout(resolve, 20))
      saved.push(result.runId)
    },
  })
  assert.equal(await results.keep(result), false)
  await results.ship()
  assert.deepEqual(readdirSync(join(scratch, 'results')), ['smoke-1.json'], 'it still waits')
  isAway = false
  await Promise.all([results.ship(), results.ship()])
  assert.deepEqual(saved, ['smoke-1'])
  assert.deepEqual(readdirSync(join(scratch, 'results')), [])
  assert.equal(await results.keep(result), true, 'the store is there at once')
})
