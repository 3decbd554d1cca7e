import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { componentKill } from '../activities/component.js'
import { undoVerified } from '../activities/undo.js'
import type { Control } from '../src/drill/environment.js'
import { DrillError } from '../src/errors.js'
import { stepContext } from './fixtures/database-lab.js'

// A control that says that it did what it did not: what counts is what a look says afterwards, so none of it is ever green.

let folder: string
before(() => { folder = mkdtempSync(join(tmpdir(), 'muster-lies-')) })
after(() => { rmSync(folder, { recursive: true, force: true }) })

const code = (wanted: string, words: RegExp) => (error: unknown): boolean => error instanceof DrillError && error.code === wanted && words.test(error.message)

test('a start that is reported and leads to nothing is an undo without proof', async () => {
  const pidFile = join(folder, 'liar.pid')
  // It is there for a moment, and then it is not.
  const script = join(folder, 'liar.sh')
  writeFileSync(script, `echo $$ > ${pidFile}\nsleep 0.1\n`)
  const control: Control = { kind: 'process', pidFile, match: script, start: { command: '/bin/sh', args: [script], env: { PATH: '/bin:/usr/bin' } } }
  const liar = { component: { name: 'liar', control } }
  assert.match(await componentKill.undo(liar, stepContext()), /^started liar$/)
  await new Promise(resolve => setTimeout(resolve, 400))
  assert.deepEqual(await componentKill.verify(liar, stepContext()), { undone: false, summary: 'liar is dead' })
  const patient = {
    ...componentKill, undo: async () => {
      const said = await componentKill.undo(liar, stepContext())
      await new Promise(resolve => setTimeout(resolve, 400))
      return said
    }
  }
  await assert.rejects(undoVerified(patient, liar, stepContext()), code('undo.unproven', /^started liar, but: liar is dead$/))
})

test('an engine that answers 204 and does nothing has neither killed nor started anything', async () => {
  const running = { liesAboutKill: true, liesAboutStart: false }
  const container = (id: keyof typeof running) => ({
    Id: id, Name: `/${id}`, Image: 'i', State: { Running: running[id], Paused: false }, Config: { User: '', Env: null, WorkingDir: '' }, HostConfig: { NetworkMode: 'none', RestartPolicy: { Name: 'no', MaximumRetryCount: 0 } },
  })
  const engine = createServer((request, response) => {
    const url = decodeURIComponent(request.url ?? '')
    const id = url.includes('liesAboutKill') ? 'liesAboutKill' as const : 'liesAboutStart' as const
    if (request.method === 'POST') return response.writeHead(204).end()
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(url.includes('/containers/json') ? [{ Id: id }] : container(id)))
  }).listen(join(folder, 'engine.sock'))
  await new Promise(resolve => engine.once('listening', resolve))
  const named = (name: keyof typeof running) => ({ component: { name, control: { kind: 'docker' as const, socket: join(folder, 'engine.sock'), labels: { app: name } } } })
  try {
    await Promise.all([
      assert.rejects(componentKill.do(named('liesAboutKill'), stepContext()), code('control.failed', /answered 204/)),
      assert.rejects(undoVerified(componentKill, named('liesAboutStart'), stepContext()), code('control.failed', /answered 204/)),
    ])
  } finally {
    engine.closeAllConnections()
    await new Promise(resolve => engine.close(resolve))
  }
})
