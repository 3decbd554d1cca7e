import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { test } from 'node:test'

test('a process whose log finds no room on the disk goes on', () => {
  const output = openSync('/dev/full', 'w')
  try {
    const script = `
      const { createLog } = await import('./src/log.ts')
      const log = createLog({ logLevel: 'info', logPretty: false }, false)
      for (let line = 0; line < 5; line++) { log.info('line ' + line); await new Promise(resolve => setTimeout(resolve, 5)) }
      console.error('went on')`
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], { stdio: ['ignore', output, 'pipe'], encoding: 'utf8' })
    assert.deepEqual({ status, stderr }, { status: 0, stderr: 'went on\n' })
  } finally {
    closeSync(output)
  }
})
