import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { asDrillError } from '../activities/backup/tools.js'

describe('what pgBackRest could not decrypt', () => {
  const told = (exitCode: number, stderr: string): { code: string, message: string } => asDrillError('restore', { exitCode, stderr, stdout: '' })
  const noInfo = (why: string): string => `WARN: repo1: [${why}] unable to load info file 'archive.info' or 'archive.info.copy':\n      ${why}: unable to flush\n      HINT: is or was the repo encrypted?\nERROR: [075]: no backup set`

  test('is a wrong passphrase where the catalogue cannot be opened', () => {
    assert.equal(told(37, 'ERROR: [037]: restore command requires option: repo1-cipher-pass').code, 'backup.key')
    assert.equal(told(1, noInfo('CryptoError')).code, 'backup.key')
    assert.equal(told(75, noInfo('FormatError')).code, 'backup.unreadable')
  })

  test('is damage where the catalogue was open: nobody is sent to look for a passphrase that is right', () => {
    assert.equal(told(95, 'ERROR: [095]: raised from local-1 protocol: cipher header invalid\n       [CryptoError] on retry after 0ms').code, 'backup.damaged')
    assert.equal(told(95, "ERROR: [095]: unable to load backup manifest file 'backup.manifest':\n       CryptoError: unable to flush\n       HINT: is or was the repo encrypted?").code, 'backup.damaged')
    assert.equal(told(29, 'ERROR: [029]: raised from local-1 protocol: zst error: [-20] Data corruption detected').code, 'backup.damaged')
    assert.equal(told(42, 'ERROR: [042]: unable to get 000000010000000000000002:\n       repo1: 15-1/x.zst [CryptoError] unable to flush').code, 'backup.damaged')
  })

  test('is not quoted: a catalogue holds a key', () => {
    const { message } = told(29, 'ERROR: [029]: unable to load backup manifest file \'backup.manifest\':\n       FormatError: invalid JSON value at line 7 \'cipher-pass="secret\u0001\': invalid type at: secret\n       HINT: none')
    assert.match(message, /invalid JSON value at line 7 \/ HINT: none$/)
    assert.doesNotMatch(message, /secret/)
  })
})
