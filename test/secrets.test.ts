import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DrillError } from '../src/errors.js'
import { secretsFrom } from '../src/secrets.js'

const folder = mkdtempSync(join(tmpdir(), 'muster-secrets-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 })
  return `file:${join(folder, name)}`
}
const secret = secretsFrom({ DB_PASSWORD: 'hunter2', EMPTY: '', PADDED: ' a b ' })

/** The refusal of a reference: always the same code, never retried. */
async function refused (ref: string): Promise<string> {
  const error = await secret(ref).then(() => assert.fail(`${ref} was taken`), (error: unknown) => error)
  assert.ok(error instanceof DrillError)
  assert.deepEqual([error.code, error.retryable], ['secret.missing', false])
  return error.message
}

test('a variable of the worker is given as it is', async () => {
  assert.deepEqual([await secret('env:DB_PASSWORD'), await secret('env:PADDED')], ['hunter2', ' a b '])
})

test('a file is given without the white space around it', async () => {
  assert.equal(await secret(file('good', 's3cret with spaces\n')), 's3cret with spaces')
})

test('a variable that is not set or empty is named', async () => {
  for (const name of ['NOBODY', 'EMPTY']) assert.match(await refused(`env:${name}`), new RegExp(`secret env:${name} resolves to nothing.*not set`))
})

test('what an object has from its prototype is no variable', async () => {
  await refused('env:NOBODY')
  assert.match(await refused('env:toString'), /not set/)
})

test('a file that is missing, empty, too large or relative is refused with its reason', async () => {
  assert.match(await refused(`file:${join(folder, 'nobody')}`), /cannot be read \(ENOENT\)/)
  assert.match(await refused(`file:${folder}`), /cannot be read \(EISDIR\)/)
  assert.match(await refused(file('empty', ' \n')), /is empty/)
  assert.match(await refused(file('large', 'x'.repeat(64 * 1024 + 1))), /over 65536 bytes/)
  assert.match(await refused('file:etc/passwd'), /must be absolute/)
})

test('a secret written in the place of a reference is not repeated', async () => {
  for (const ref of ['hunter2-in-clear', '', 'vault:hunter2-in-clear', 'env:', 'file:']) {
    const message = await refused(ref)
    assert.match(message, /must be a reference, env:NAME or file:\/PATH/)
    assert.doesNotMatch(message, /hunter2/)
  }
})

test('the content of a refused file never stands in the error', async () => {
  assert.doesNotMatch(await refused(file('leak', `hunter2${'x'.repeat(64 * 1024)}`)), /hunter2|xx/)
})
