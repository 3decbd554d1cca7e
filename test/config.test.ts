import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { loadConfig, redactedConfig, storeUrlOf } from '../src/config.js'
import { logOptions, redactText } from '../src/log.js'

test('without anything set, the API listens on loopback', () => {
  const config = loadConfig({})
  assert.deepEqual([config.host, config.port, config.publicUrl, config.taskQueue], ['127.0.0.1', 4400, 'http://127.0.0.1:4400', 'muster'])
  assert.deepEqual([config.home, config.runbooks, config.environments], ['.muster', 'runbooks', '.muster/environments'].map(path => resolve(path)))
  assert.ok(Object.isFrozen(config))
})

test('an empty variable is one that is not set', () => {
  assert.equal(loadConfig({ MUSTER_PORT: '', MUSTER_STORE_URL: '' }).port, 4400)
})

for (const [name, value] of [
  ['MUSTER_STORE_URL', 'mysql://topsecret@h/d'], ['MUSTER_PORT', 'topsecret'], ['MUSTER_PORT', '70000'], ['MUSTER_LOG_LEVEL', 'topsecret'], ['MUSTER_PUBLIC_URL', 'ftp://topsecret'],
  ['MUSTER_TASK_QUEUE', 'top secret'], ['MUSTER_TRUST_PROXY', 'topsecret'], ['MUSTER_RATE_LIMIT', '0'],
] as const) {
  test(`${name}=${value} is refused by name, without its value`, () => {
    assert.throws(() => loadConfig({ [name]: value }), (error: { code: string, message: string }) =>
      error.code === 'config.invalid' && error.message.includes(name) && !/top ?secret/.test(error.message))
  })
}

test('every wrong variable is named at once', () => {
  assert.throws(() => loadConfig({ MUSTER_PORT: 'x', MUSTER_STREAMS: 'x' }), /MUSTER_PORT.*MUSTER_STREAMS|MUSTER_STREAMS.*MUSTER_PORT/)
})

test('a versioned worker names its deployment and its build, or neither', () => {
  assert.deepEqual(loadConfig({ MUSTER_DEPLOYMENT: 'muster', MUSTER_BUILD: '1f2e3d' }).version, { deployment: 'muster', build: '1f2e3d' })
  assert.equal(loadConfig({}).version, undefined)
  assert.throws(() => loadConfig({ MUSTER_BUILD: '1f2e3d' }), { code: 'config.invalid', message: /MUSTER_DEPLOYMENT is not set/ })
  assert.throws(() => loadConfig({ MUSTER_DEPLOYMENT: 'muster' }), { code: 'config.invalid', message: /MUSTER_BUILD is not set/ })
})

test('who needs the store hears how to set it', () => {
  assert.throws(() => storeUrlOf(loadConfig({})), { code: 'config.invalid', message: /MUSTER_STORE_URL is not set/ })
})

test('the configuration in a log line holds no password and no key', () => {
  const config = loadConfig({ MUSTER_STORE_URL: 'postgres://muster:topsecret@db:5432/muster?password=topsecret', TEMPORAL_ADDRESS: 't:7233', TEMPORAL_API_KEY: 'topsecret' })
  const text = JSON.stringify(redactedConfig(config))
  assert.ok(!text.includes('topsecret'), text)
  assert.ok(text.includes('db:5432') && text.includes('t:7233'))
})

test('a log line holds no secret, wherever it stands', () => {
  let line = ''
  const log = pino(logOptions({ logLevel: 'info', logPretty: false }, true), { write: (text: string) => { line += text } })
  const error = Object.assign(new Error('connect postgres://a:topsecret@h/d'), { parameters: ['topsecret'], cause: new Error('Bearer topsecret') })
  log.error({ err: error, storeUrl: 'topsecret', config: { secret: 'topsecret' }, req: { headers: { authorization: 'topsecret', cookie: 'topsecret' } } }, 'sent mst_topsecret')
  assert.ok(line.includes('connect postgres'), line)
  assert.ok(!line.includes('topsecret'), line)
})

test('a text keeps its meaning when its secrets go', () => {
  assert.equal(redactText('redis://u:p@h:1 and mst_abc-1 and Bearer x.y'), 'redis://[redacted]@h:1 and mst_[redacted] and Bearer [redacted]')
})

const oidc = { MUSTER_OIDC_ISSUER: 'https://id.example/realm', MUSTER_OIDC_AUDIENCE: 'muster' }

test('groups of an issuer give roles; a group may be called anything', () => {
  const config = loadConfig({ ...oidc, MUSTER_OIDC_ROLES: 'leads=commander; cn=dr,ou=x=approver@shop;leads=observer ; constructor=qa' })
  assert.equal(config.oidc!.issuer, 'https://id.example/realm')
  assert.deepEqual(Object.entries(config.oidc!.roles), [['leads', ['commander', 'observer']], ['cn=dr,ou=x', ['approver@shop']], ['constructor', ['qa']]])
  assert.equal(loadConfig({}).oidc, undefined)
})

for (const [what, env, message] of [
  ['an issuer without an audience', { MUSTER_OIDC_ISSUER: 'https://id.example' }, /MUSTER_OIDC_AUDIENCE is not set/],
  ['an audience without an issuer', { MUSTER_OIDC_AUDIENCE: 'muster' }, /MUSTER_OIDC_ISSUER is not set/],
  ['a secret without a client', { ...oidc, MUSTER_OIDC_CLIENT_SECRET: 'long-enough' }, /MUSTER_OIDC_CLIENT_ID is not set, and MUSTER_OIDC_CLIENT_SECRET is/],
  ['a client without an issuer', { MUSTER_OIDC_CLIENT_ID: 'pages' }, /MUSTER_OIDC_ISSUER is not set, and .*MUSTER_OIDC_CLIENT_ID is/],
  ['a scope without openid', { ...oidc, MUSTER_OIDC_SCOPE: 'email' }, /MUSTER_OIDC_SCOPE is wrong: .*begins with openid/],
  ['keys that come in the clear', { ...oidc, MUSTER_OIDC_ISSUER: 'http://id.example' }, /MUSTER_OIDC_ISSUER is wrong: it takes https/],
  ['a role that is none', { ...oidc, MUSTER_OIDC_ROLES: 'leads=king' }, /"leads=king" is no GROUP=ROLE/],
  ['a group without a role', { ...oidc, MUSTER_OIDC_ROLES: 'leads' }, /"leads" is no GROUP=ROLE/],
  ['a group that reaches production', { ...oidc, MUSTER_OIDC_ROLES: 'leads=commander@tier:production' }, /reaches production, which takes a grant that two admins made/],
] as const) {
  test(`${what} is refused`, () => { assert.throws(() => loadConfig(env), { code: 'config.invalid', message }) })
}

test('an issuer on this machine may speak http', () => {
  assert.equal(loadConfig({ ...oidc, MUSTER_OIDC_ISSUER: 'http://127.0.0.1:8080' }).oidc!.issuer, 'http://127.0.0.1:8080')
})
