import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { addressOf } from '../src/cli/address.js'
import { replyOf } from '../src/cli/ask.js'
import { checkFiles } from '../src/cli/check.js'
import { verifyEvidence } from '../src/cli/evidence.js'
import { paramsOf } from '../src/cli/running.js'
import * as chain from '../src/store/chain.js'
import { failure, fakeApi, json, runCli, type Answer } from './fixtures/api.js'
import { watched, watchedId } from './fixtures/watched.js'

const scratch = mkdtempSync(join(tmpdir(), 'muster-cli-'))
after(() => { rmSync(scratch, { recursive: true, force: true }) })

/** Runs one command line against an API of these routes. */
async function against (routes: Record<string, Answer>, ...argv: string[]) {
  const api = await fakeApi(routes)
  try {
    return { ...await runCli(argv, api.url), asked: api.asked }
  } finally {
    await api.close()
  }
}

const noServer = 'http://127.0.0.1:1'

for (const [name, argv, says] of [
  ['no command', [], /which command/],
  ['an unknown command', ['strat'], /Did you mean start/],
  ['an unknown option', ['list', '--nonsense'], /unknown option/],
  ['a missing argument', ['watch'], /missing required argument 'ID'/],
  ['a start without environment', ['start', 'x'], /--env/],
  ['a rejection without its reason', ['reject', 'd', 'g'], /--reason/],
  ['an abort without its reason', ['abort', 'd'], /--reason/],
  ['a format that is none', ['report', 'd', '--format', 'pdf'], /Allowed choices are md, json, html, csv/],
  ['a role that is none', ['people', 'add', 'x', '--role', 'king'], /Allowed choices/],
  ['a parameter without value', ['start', 'x', '--env', 'e', '-p', 'fault'], /KEY=VALUE/],
] as const) {
  test(`${name} is a usage error: a sentence, the next command, exit code 2`, async () => {
    const { code, err, out } = await runCli([...argv], noServer)
    assert.equal(code, 2, err)
    assert.match(err, says)
    assert.match(err, /^→ muster .*--help$/m)
    assert.doesNotMatch(err, /\n {4}at /)
    assert.equal(out, '')
  })
}

test('help and version go to standard output with exit code 0', async () => {
  const help = await runCli(['--help'], noServer)
  assert.equal(help.code, 0)
  for (const command of ['start', 'watch', 'list', 'approve', 'reject', 'done', 'note', 'declare', 'abort', 'report', 'plan', 'check', 'verify', 'export', 'people', 'lab', 'dev', 'migrate', 'worker', 'server']) {
    assert.match(help.out, new RegExp(`^ {2}${command}\\b`, 'm'))
  }
  assert.match(help.out, /Exit codes: 0 passed/)
  assert.equal((await runCli(['--version'], noServer)).out.trim(), '0.0.0')
})

test('an API that cannot be reached is exit code 4, with the command that starts one', async () => {
  const { code, err } = await runCli(['list'], noServer)
  assert.equal(code, 4)
  assert.match(err, /^muster: Muster at http:\/\/127\.0\.0\.1:1 cannot be reached$/m)
  assert.match(err, /^→ muster dev/m)
})

test('something else that listens there is not taken for Muster', async () => {
  const { code, err } = await against({ 'GET /v1/drills': (_asked, reply) => { reply.writeHead(200).end('<html>hello') } }, 'list')
  assert.equal(code, 4)
  assert.match(err, /not as Muster does: is MUSTER_URL right\?/)
})

test('an API that has too much to do is asked again when it wants to be, a POST too: it had begun nothing', async () => {
  const busy = (reply: Parameters<Answer>[1], afterSeconds: string): void => {
    reply.setHeader('retry-after', afterSeconds)
    failure(reply, 503, 'server.busy', 'the API has more to do than it can; running drills go on')
  }
  const { code, asked } = await against({
    'POST /v1/drills': (_asked, reply, times) => { if (times === 1) busy(reply, '1'); else json(reply, 201, { drillId: watchedId }) },
  }, 'start', 'x', '--env', 'lab')
  assert.equal(code, 0)
  assert.equal(asked.length, 2)
  assert.equal(asked[0]!.headers['idempotency-key'], asked[1]!.headers['idempotency-key'])
  const inAnHour = await against({ 'GET /v1/drills': (_asked, reply) => { busy(reply, '3600') } }, 'list')
  assert.deepEqual([inAnHour.code, inAnHour.asked.length], [4, 1])
  assert.match(inAnHour.err, /more to do than it can/)
})

test('a start sends runbook, environment, parameters and the key, and says how to follow', async () => {
  const { code, out, asked } = await against({ 'POST /v1/drills': (_asked, reply) => { json(reply, 201, { drillId: watchedId }) } },
    'start', 'database-primary-failure', '--env', 'lab', '-p', 'fault=kill', '-p', 'writers=4', '-p', 'fast=true', '--key', 'k-1', '--production')
  assert.equal(code, 0)
  assert.deepEqual(asked[0]!.body, { runbook: 'database-primary-failure', environment: 'lab', params: { fault: 'kill', writers: 4, fast: true }, production: true })
  assert.equal(asked[0]!.headers['idempotency-key'], 'k-1')
  assert.equal(asked[0]!.headers.authorization, 'Bearer mst_test')
  assert.match(out, new RegExp(`THIS IS A DRILL: ${watchedId} has started on LAB\n→ muster watch ${watchedId}`))
})

test('a refused start is exit code 3 with every reason', async () => {
  const { code, err } = await against({
    'POST /v1/drills': (_asked, reply) => { failure(reply, 409, 'preflight.refused', 'the drill was refused', [{ code: 'a', message: 'nobody is an approver' }, { code: 'b', message: 'db-b lags' }]) },
  }, 'start', 'x', '--env', 'lab')
  assert.equal(code, 3)
  assert.match(err, / {2}- nobody is an approver\n {2}- db-b lags\n→ mend/)
})

test('an environment that is held names the drill to watch', async () => {
  const { code, err } = await against({ 'POST /v1/drills': (_asked, reply) => { failure(reply, 409, 'environment.held', 'lab is held by d-1', { drillId: 'd-1' }) } }, 'start', 'x', '--env', 'lab')
  assert.equal(code, 3)
  assert.match(err, /→ muster watch d-1/)
})

for (const [status, errorCode, exit] of [
  [401, 'auth.invalid', 2], [403, 'decision.requester', 2], [404, 'drill.unknown', 2], [409, 'gate.closed', 2], [422, 'runbook.invalid', 2],
  [429, 'rate.limited', 4], [500, 'internal', 4], [503, 'store.down', 4], [503, 'temporal.down', 4], [504, 'temporal.timeout', 4], [418, 'from.the.future', 2],
] as const) {
  test(`${errorCode} of the API is exit code ${exit}, in its own words`, async () => {
    const { code, err } = await against({ 'POST /v1/drills/d-1/gates/g/decision': (_asked, reply) => { failure(reply, status, errorCode, 'why it is so') } }, 'approve', 'd-1', 'g')
    assert.equal(code, exit)
    assert.match(err, /^muster: why it is so/)
    assert.match(err, /^→ /m)
  })
}

test('a mistake of the API’s own is told with its reference', async () => {
  const { err } = await against({ 'GET /v1/drills': (_asked, reply) => { failure(reply, 500, 'internal', 'a mistake') } }, 'list')
  assert.match(err, /\(reference req-1\)/)
})

test('with --json every answer and every error is JSON', async () => {
  const drill = { drillId: 'd-1', createdAtMs: 0, environment: 'lab', phase: 'ended', verdict: 'passed', commander: { name: 'Ana' }, leftBehind: 0, waitingFor: [], rtaTechnicalMs: 1880, lost: 0 }
  const routes: Record<string, Answer> = {
    'GET /v1/drills': (_asked, reply) => { json(reply, 200, { drills: [drill] }) },
    'POST /v1/drills/d-1/gates/g/decision': (_asked, reply) => { json(reply, 200, { outcome: 'undecided', missing: 1 }) },
    'GET /v1/people': (_asked, reply) => { json(reply, 200, { people: [] }) },
  }
  for (const argv of [['list', '--json'], ['--json', 'list'], ['approve', 'd-1', 'g', '--json'], ['people', 'list', '--json']]) {
    const { code, out } = await against(routes, ...argv)
    assert.equal(code, 0)
    assert.doesNotThrow(() => JSON.parse(out) as unknown, out)
  }
  const failed = await against(routes, 'abort', 'd-1', '--reason', 'x', '--json')
  assert.equal(failed.out, '')
  assert.equal((JSON.parse(failed.err) as { error: { code: string } }).error.code, 'route.unknown')
  const usage = await against(routes, 'list', '--json', '--nonsense')
  assert.equal((JSON.parse(usage.err) as { error: { code: string } }).error.code, 'input.invalid')
})

test('a list has a row a drill, and passes its filters on', async () => {
  const drill = { drillId: 'd-1', createdAtMs: 0, environment: 'lab', phase: 'running', commander: { name: 'Ana' }, leftBehind: 1, waitingFor: [{ command: 'x' }] }
  const { out, asked } = await against({ 'GET /v1/drills': (_asked, reply) => { json(reply, 200, { drills: [drill] }) } }, 'list', '--env', 'lab', '--state', 'running')
  assert.match(out, /d-1 +LAB +1970-01-01 00:00 +waiting for people, LEFT BEHIND 1 +Ana/)
  assert.match(asked[0]!.path, /state=running&limit=20&environment=lab|environment=lab/)
})

test('people say what they have to say to a drill', async () => {
  const yes: Answer = (_asked, reply) => { json(reply, 200, { outcome: 'approved', missing: 0 }) }
  const routes = {
    'POST /v1/drills/d-1/gates/g/decision': yes, 'POST /v1/drills/d-1/tasks/t/confirmation': yes, 'POST /v1/drills/d-1/notes': yes,
    'POST /v1/drills/d-1/declaration': yes, 'POST /v1/drills/d-1/abort': yes,
  }
  const body = async (...argv: string[]): Promise<Record<string, unknown>> => {
    const { code, asked } = await against(routes, ...argv)
    assert.equal(code, 0)
    const { key: _key, ...rest } = asked[0]!.body as Record<string, unknown>
    return rest
  }
  assert.deepEqual(await body('approve', 'd-1', 'g', '--reason', 'fine'), { answer: 'approve', reason: 'fine' })
  assert.deepEqual(await body('reject', 'd-1', 'g', '--reason', 'no'), { answer: 'reject', reason: 'no' })
  assert.deepEqual(await body('done', 'd-1', 't', '--note', 'seen'), { note: 'seen' })
  assert.deepEqual(await body('note', 'd-1', 'two', 'words'), { text: 'two words' })
  assert.deepEqual(await body('declare', 'd-1'), {})
  assert.deepEqual(await body('abort', 'd-1', '--reason', 'enough'), { reason: 'enough' })
})

test('a plan prints steps, undo and people; with problems it is exit code 3', async () => {
  const plan = {
    runbook: 'x', title: 'X', runbookHash: 'abc', environment: 'lab', verified: 'never', problems: [] as unknown[],
    steps: [{ id: 'break', kind: 'action', title: 'kill db-a', undo: 'bring db-a back', expectedMs: 1000 }, { id: 'go', kind: 'gate', title: 'Go', people: '2 × approver, within 10m, else abort' }],
  }
  const good = await against({ 'POST /v1/plans': (_asked, reply) => { json(reply, 200, plan) } }, 'plan', 'x', '--env', 'lab')
  assert.equal(good.code, 0)
  assert.match(good.out, /1\. {2}break {2}kill db-a {2}about 1\.00 s\n +↶ bring db-a back\n 2\. {2}go {2}Go\n +⧖ 2 × approver/)
  const bad = await against({ 'POST /v1/plans': (_asked, reply) => { json(reply, 200, { ...plan, problems: [{ code: 'c', message: 'db-b is down' }] }) } }, 'plan', 'x', '--env', 'lab')
  assert.equal(bad.code, 3)
  assert.match(bad.out, /✗ db-b is down/)
})

test('a report goes to standard output or to a file', async () => {
  const routes: Record<string, Answer> = { 'GET /v1/drills/d-1/report': (asked, reply) => { reply.end(`report ${asked.path.split('?')[1]}`) } }
  assert.equal((await against(routes, 'report', 'd-1')).out, 'report format=md\n')
  assert.equal((await against(routes, 'report', 'd-1', '--json')).out, 'report format=json\n')
  const file = join(scratch, 'r.html')
  const { code } = await against(routes, 'report', 'd-1', '--format', 'html', '--out', file)
  assert.equal(code, 0)
  assert.equal(readFileSync(file, 'utf8'), 'report format=html')
  assert.equal((await against(routes, 'report', 'd-1', '--out', join(scratch, 'no', 'where'))).code, 2)
})

test('the key of a new person is shown with the command that uses it', async () => {
  const { out, asked } = await against({ 'POST /v1/people': (_asked, reply) => { json(reply, 201, { id: 'bo', key: 'mst_1' }) } }, 'people', 'add', 'bo', '--role', 'approver', 'observer', '--name', 'Bo')
  assert.deepEqual(asked[0]!.body, { id: 'bo', name: 'Bo', roles: ['approver', 'observer'] })
  assert.match(out, /→ export MUSTER_KEY=mst_1/)
})

const evidence = { ...chain, sha256: (text: string) => createHash('sha256').update(text).digest('hex') }
const verifying = { evidence: async () => ({ verify: (value: unknown) => verifyEvidence(value, evidence) }) }

function exported (): chain.TimelineExport {
  let hash = chain.chainStart
  const events = watched().map(event => {
    hash = chain.chainHash(hash, chain.canonicalJson(event))
    return { event, hash }
  })
  return { drillId: watchedId, events, head: hash }
}

async function verify (value: unknown) {
  const file = join(scratch, 'export.json')
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value))
  return await runCli(['verify', file], noServer, verifying)
}

test('verify proves an export, and names the first event that was changed', async () => {
  const good = await verify(exported())
  assert.equal(good.code, 0)
  assert.match(good.out, /all 21 events are as they were recorded/)
  const changed = exported()
  Object.assign(changed.events[4]!.event, { atMs: 0 })
  const bad = await verify(changed)
  assert.equal(bad.code, 1)
  assert.match(bad.err, /event 5 \(check\.answered\) was changed/)
  const cut = exported()
  cut.events.pop()
  assert.equal((await verify(cut)).code, 1)
})

test('verify proves a report by its digest, and refuses what is neither', async () => {
  const report = { schema: 1, drill: { drillId: watchedId }, chainHead: 'f'.repeat(64), steps: [] }
  const digest = evidence.sha256(chain.canonicalJson(report))
  assert.equal((await verify({ ...report, digest })).code, 0)
  assert.equal((await verify({ ...report, steps: [1], digest })).code, 1)
  assert.equal((await verify({ some: 'thing' })).code, 2)
  assert.equal((await verify('no json')).code, 2)
  assert.equal((await runCli(['verify', join(scratch, 'none')], noServer, verifying)).code, 2)
})

test('check names each problem with its place, and a file that it does not know is no pass', async () => {
  const catalog = { runbooks: [{ file: 'a.yaml', problems: [] }, { file: 'b.yaml', problems: ['b.yaml:4:11 wait must be a duration'] }], environments: [{ file: 'environments/e.yaml', problems: [] }] }
  const check = async () => async (files: string[]) => checkFiles([...catalog.runbooks, ...catalog.environments], '/books', files)
  const all = await runCli(['check'], noServer, { check })
  assert.equal(all.code, 2)
  assert.match(all.out, /^b\.yaml:4:11 wait/)
  assert.equal((await runCli(['check', '/books/a.yaml'], noServer, { check })).code, 0)
  const other = await runCli(['check', '/books/zzz.yaml'], noServer, { check })
  assert.equal(other.code, 2)
  assert.match(other.err, /zzz\.yaml is no file that Muster reads/)
})

test('the address is what was said, then the environment, then what muster dev left; its key stays on this machine', () => {
  const home = join(scratch, 'home')
  assert.deepEqual(addressOf({}, {}, home), { url: 'http://127.0.0.1:4400', key: undefined })
  mkdirSync(join(home, 'dev'), { recursive: true })
  writeFileSync(join(home, 'dev', 'dev.json'), JSON.stringify({ apiUrl: 'http://127.0.0.1:4999' }))
  writeFileSync(join(home, 'key'), 'mst_home\n')
  assert.deepEqual(addressOf({}, {}, home), { url: 'http://127.0.0.1:4999', key: 'mst_home' })
  assert.deepEqual(addressOf({}, { MUSTER_URL: 'https://muster.example' }, home), { url: 'https://muster.example', key: undefined })
  assert.deepEqual(addressOf({ url: 'http://localhost:1' }, { MUSTER_URL: 'https://x', MUSTER_KEY: 'mst_env' }, home), { url: 'http://localhost:1', key: 'mst_env' })
  assert.throws(() => addressOf({ url: 'ftp://x' }, {}, home), { code: 'input.invalid' })
})

test('parameters are what they look like', () => {
  assert.deepEqual(paramsOf(['a=1', 'b=true', 'c=x=y', 'd=']), { a: 1, b: true, c: 'x=y', d: '' })
  assert.throws(() => paramsOf(['=x']), { code: 'input.invalid' })
})

test('a bare Enter decides nothing, and a rejection needs its reason', () => {
  assert.deepEqual(replyOf(''), { kind: 'later' })
  assert.deepEqual(replyOf('y'), { kind: 'approve' })
  assert.deepEqual(replyOf('yes, backups verified'), { kind: 'approve', reason: 'backups verified' })
  assert.deepEqual(replyOf('n'), { kind: 'why' })
  assert.deepEqual(replyOf('no: too late'), { kind: 'reject', reason: 'too late' })
  assert.deepEqual(replyOf('the replica lags'), { kind: 'reject', reason: 'the replica lags' })
  assert.deepEqual(replyOf('yesterday was better'), { kind: 'reject', reason: 'yesterday was better' })
  assert.deepEqual(replyOf('y', 'why'), { kind: 'reject', reason: 'y' })
  assert.deepEqual(replyOf('', 'why'), { kind: 'later' })
})

test('start load takes what load testers type as the runbook’s parameters, start smoke its suite; what is no number is usage', async () => {
  const api = await fakeApi({ 'POST /v1/drills': (_, reply) => { json(reply, 201, { drillId: 'load-1' }) } })
  try {
    await runCli(['start', 'load', '--env', 'lab', '--scenario', 'peak', '-u', '5', '-r', '2', '-t', '30s', '--scale', '0.1', '--shards', '2', '-p', 'percent=50'], api.url)
    await runCli(['start', 'smoke', '--env', 'lab', '--suite', 'api'], api.url)
    assert.deepEqual(api.asked.map(one => (one.body as { params: object }).params), [{ percent: 10, scenario: 'peak', users: 5, spawnRate: 2, runTime: '30s', shards: 2 }, { suite: 'api' }])
    for (const wrong of [['-u', 'many'], ['--scale', '2'], ['--scale', '0']]) assert.equal((await runCli(['start', 'load', '--env', 'lab', ...wrong], api.url)).code, 2, wrong.join(' '))
    assert.equal(api.asked.length, 2)
  } finally {
    await api.close()
  }
})

test('result prints what the API draws, of a step where one is named', async () => {
  const api = await fakeApi({ 'GET /v1/drills/d-1/result': (_, reply) => { reply.end('<testsuites/>') } })
  try {
    const { code, out } = await runCli(['result', 'd-1', 'smoke', '--format', 'junit'], api.url)
    assert.deepEqual([code, out, api.asked[0]!.path], [0, '<testsuites/>\n', '/v1/drills/d-1/result?step=smoke&format=junit'])
    assert.equal((await runCli(['result', 'd-1', '--format', 'pdf'], api.url)).code, 2)
  } finally {
    await api.close()
  }
})
