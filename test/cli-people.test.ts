import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runCommand, type Parts } from '../src/cli/program.js'
import { firstAdmin } from '../src/dev/people.js'
import type { Cluster } from '../src/store/cluster.js'
import { migrate } from '../src/store/migrate.js'
import { listPeople, personByKey } from '../src/store/people.js'
import { openStore, type Store } from '../src/store/pool.js'
import { memoryShell, type Ran } from './fixtures/api.js'
import { startCluster } from './fixtures/cluster.js'
import { startHttp, type TestApi } from './fixtures/http.js'

// The CLI against the real API and a real, empty store: what an installation's first day looks like.

let cluster: Cluster
let store: Store
let api: TestApi
let url: string
let home: string

before(async () => {
  cluster = await startCluster()
  await migrate(cluster.url)
  store = openStore(cluster.url)
  api = await startHttp(store, {})
  await api.app.listen({ port: 0, host: '127.0.0.1' })
  url = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`
  home = mkdtempSync(join(tmpdir(), 'muster-first-'))
})
after(async () => {
  await api?.app.close()
  await store?.close()
  await cluster?.stop()
  rmSync(home, { recursive: true, force: true })
})

const keys: Record<string, string> = {}
async function run (who: string, ...argv: string[]): Promise<Ran> {
  const shell = memoryShell(url, { key: keys[who] ?? 'mst_none' })
  const noPart = (): never => { throw new Error('not in this test') }
  const parts = { home, version: '0', lab: noPart, alerts: () => undefined, dev: noPart, evidence: noPart, load: noPart, check: noPart, smoke: noPart, entry: noPart, firstAdmin: async options => await firstAdmin(store.pool, home, options) } as Parts
  const code = await runCommand(argv, { parts, shell: () => shell })
  return { code, out: shell.out(), err: shell.err() }
}
/** Runs it, demands success, and keeps the key that it prints. */
async function good (who: string, ...argv: string[]): Promise<string> {
  const { code, out, err } = await run(who, ...argv)
  assert.equal(code, 0, err)
  const key = /key, shown this once: (mst_\S+)/.exec(out)?.[1]
  if (key !== undefined) keys[argv[2]!] = key
  return out
}
const waiting = (out: string): string[] => /muster (people confirm \S+ \S+)/.exec(out)![1]!.split(' ')

test('the first admin: the key lies in a file for its owner, works, and is printed nowhere', async () => {
  const out = await good('nobody', 'people', 'first', '--id', 'root', '--name', 'Root')
  keys['root'] = readFileSync(join(home, 'key'), 'utf8').trim()
  assert.equal(statSync(join(home, 'key')).mode & 0o777, 0o600)
  assert.ok(!out.includes('mst_'), out)
  assert.match(out, /✓ root is admin; the key lies in /)
  assert.deepEqual((await personByKey(store.pool, keys['root']))?.roles, ['admin'])
  assert.equal((await personByKey(store.pool, readFileSync(join(home, 'alertmanager.key'), 'utf8').trim()))?.service, true)
})

test('a second time nothing changes; without the file it is refused, naming who can', async () => {
  assert.match(await good('nobody', 'people', 'first'), /root is admin already, and the key in .* works/)
  rmSync(join(home, 'key'))
  const { code, err } = await run('nobody', 'people', 'first')
  assert.equal(code, 2)
  assert.match(err, /Root can manage people: ask there for a key\. Where they cannot come in any more: --recover/)
  assert.equal((await listPeople(store.pool)).length, 2)
})

test('an admin who lost the key gets another one on the machine of the store', async () => {
  await good('nobody', 'people', 'first', '--id', 'root', '--recover')
  keys['root'] = readFileSync(join(home, 'key'), 'utf8').trim()
  assert.equal((await personByKey(store.pool, keys['root']))?.id, 'root')
})

test('people are added, given roles, and listed', async () => {
  await good('root', 'people', 'add', 'ana', '--name', 'Ana', '--role', 'commander')
  await good('root', 'people', 'add', 'ben', '--name', 'Ben', '--role', 'approver', '--expires', '90d')
  await good('root', 'people', 'add', 'ci', '--service', '--role', 'commander')
  await good('root', 'people', 'grant', 'ana', 'approver@lab2')
  assert.equal(await good('root', 'people', 'roles', 'ben', 'approver', 'qa'), '✓ ben is approver, qa\n')
  const out = await good('root', 'people', 'list')
  assert.match(out, /ana +Ana +commander, approver@lab2/)
  assert.match(out, /ci +ci +service: commander/)
})

test('a role in production waits for a second admin, and the list says so', async () => {
  await good('root', 'people', 'add', 'ada', '--role', 'admin')
  for (const place of ['tier:production', 'till']) {
    const out = await good('root', 'people', 'grant', 'ben', `approver@${place}`)
    assert.match(out, /⧖ it counts once another admin confirms it\n→ muster people confirm ben [0-9a-f-]{36}\n$/)
    assert.match(await good('root', 'people', 'list'), new RegExp(`⧖ ben: approver@${place}, asked by root, counts once another admin confirms it`))
    const { code, err } = await run('root', ...waiting(out))
    assert.equal(code, 2)
    assert.match(err, /Root asked for it, somebody else must confirm/)
    assert.match(await good('ada', ...waiting(out)), /✓ ben: approver@\S+, asked by root, confirmed/)
    assert.doesNotMatch(await good('root', 'people', 'list'), /⧖/)
  }
})

test('who is away says until when, and who answers meanwhile', async () => {
  assert.match(await good('ben', 'people', 'away', 'ben', '--until', '8h'), /✓ ben is away until .*Z\n→ muster people deputy ben DEPUTY {3}\(nobody answers for ben meanwhile\)/)
  assert.match(await good('ben', 'people', 'deputy', 'ben', 'ana'), /✓ ana answers for ben while they are away\n⧖ in production it counts once another admin confirms it/)
  assert.match(await good('ben', 'people', 'away', 'ben', '--until', '2099-01-01T00:00:00Z'), /ana can answer meanwhile/)
  assert.match(await good('root', 'people', 'list'), /ben +Ben .* until 2099-01-01T00:00Z/)
  assert.equal(await good('ben', 'people', 'back', 'ben'), '✓ ben is back\n')
})

test('keys are made and revoked one by one; who is removed is gone', async () => {
  const first = keys['ana']!
  await good('ana', 'people', 'key', 'ana', '--label', 'phone', '--expires', '1h')
  assert.notEqual(keys['ana'], first)
  assert.equal(await good('root', 'people', 'revoke', 'ana'), '✓ 2 keys of ana revoked\n')
  assert.match(await good('root', 'people', 'remove', 'ci'), /✓ ci is removed\n✓ 1 key of ci revoked/)
  assert.doesNotMatch(await good('root', 'people', 'list'), /\bci\b/)
})

test('a person’s tokens are named, taken away, and somebody else’s are refused', async () => {
  assert.equal(await good('root', 'people', 'subject', 'ana', 'auth0|ana'), '✓ tokens of auth0|ana are ana’s\n')
  assert.equal((await listPeople(store.pool)).find(({ id }) => id === 'ana')?.oidcSubject, 'auth0|ana')
  await good('root', 'people', 'add', 'eve', '--role', 'engineer')
  const { code, err } = await run('root', 'people', 'subject', 'eve', 'auth0|ana')
  assert.equal(code, 2)
  assert.match(err, /That OIDC subject is somebody else’s/)
  assert.equal(await good('root', 'people', 'subject', 'ana'), '✓ no token is ana any more\n')
  assert.equal((await listPeople(store.pool)).find(({ id }) => id === 'ana')?.oidcSubject, undefined)
})

test('the log of changes says who did what to whom', async () => {
  const out = await good('root', 'people', 'log', 'ana', '--limit', '2')
  assert.match(out, /^when \(UTC\) +by +whom +what\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +root +ana +oidc_subject: auth0\|ana → none\n.* root +ana +oidc_subject: auth0\|ana\n$/)
  assert.match(await good('root', 'people', 'log', 'ben'), /root +ben +person_grants: .*role: approver.*/)
})

for (const [what, argv, message] of [
  ['a grant without a place', ['people', 'grant', 'ben', 'approver'], /"approver" is no ROLE@PLACE/],
  ['a grant of a role that is none', ['people', 'grant', 'ben', 'king@lab'], /"king@lab" is no ROLE@PLACE/],
  ['a time that is none', ['people', 'away', 'ben', '--until', 'tomorrow'], /it takes an ISO time/],
  ['a time that is over', ['people', 'away', 'ben', '--until', '2020-01-01'], /must be a time to come/],
  ['an end of nothing', ['people', 'end', 'ben', '00000000-0000-0000-0000-000000000000'], /ben has no grant or deputy/],
] as const) {
  test(`${what} is refused, exit code 2`, async () => {
    const { code, err } = await run('root', ...argv)
    assert.equal(code, 2)
    assert.match(err, message)
  })
}
