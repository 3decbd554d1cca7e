import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import type { Halt } from '../src/drill/halt.js'
import type { OwedEntry } from '../src/drill/owed.js'
import type { DrillStatus } from '../src/drill/status.js'
import { until } from '../src/control/until.js'
import { startDev, type Dev } from '../src/dev/dev.js'
import { runCli, type Ran } from './fixtures/api.js'
import { startToxiproxy, type TestToxiproxy } from './fixtures/toxiproxy.js'

// halt, resume, halts, owed and undo as people type them, against the whole of Muster as processes of its own and one real link.

const environment = `
tier: lab
api: { url: 'http://127.0.0.1:1', instances: [] }
`
const runbook = (link: TestToxiproxy['link']): string => `
title: A link is cut
type: simulated-failure
environments: [tier:lab]
undoDeadline: 1s
steps:
  - { id: cut, kind: action, action: toxiproxy.cut, with: { link: { toxiproxy: '${link.toxiproxy}', proxy: ${link.proxy} } } }
  - { id: go, kind: gate, effect: none, role: approver, deadline: 5m }
`

let root: string
let dev: Dev
let toxiproxy: TestToxiproxy
before(async () => {
  root = mkdtempSync(join(tmpdir(), 'muster-halting-'))
  // The store's user, where we are root, must reach its folder.
  chmodSync(root, 0o755)
  toxiproxy = await startToxiproxy()
  const runbooks = join(root, 'runbooks')
  mkdirSync(join(runbooks, 'environments'), { recursive: true })
  writeFileSync(join(runbooks, 'cut.yaml'), runbook(toxiproxy.link))
  for (const name of ['here', 'there']) writeFileSync(join(runbooks, 'environments', `${name}.yaml`), environment)
  dev = await startDev({
    root, ports: 'free', headless: true, env: { MUSTER_RUNBOOKS: runbooks, MUSTER_RATE_LIMIT: '10000' },
    people: [
      { id: 'ana', name: 'Ana', roles: ['commander'] }, { id: 'ben', name: 'Ben', roles: ['approver', 'management'] },
      { id: 'eve', name: 'Eve', roles: ['engineer'] }, { id: 'otto', name: 'Otto', roles: ['observer'] },
    ],
  })
})
after(async () => {
  await dev?.stop()
  await toxiproxy?.stop()
  rmSync(root, { recursive: true, force: true })
})

/** One command line of somebody. */
const as = async (person: string, ...argv: string[]): Promise<Ran> => await runCli(argv, dev.apiUrl, {}, dev.keys[person])
const json = async <T>(person: string, ...argv: string[]): Promise<T> => {
  const { code, out, err } = await as(person, ...argv, '--json')
  assert.equal(code, 0, err)
  return JSON.parse(out) as T
}
const start = async (name: string): Promise<string> => (await json<{ drillId: string }>('ana', 'start', 'cut', '--env', name)).drillId
const statusOf = async (drillId: string): Promise<DrillStatus> => {
  const answer = await request(`${dev.apiUrl}/v1/drills/${drillId}`, { headers: { authorization: `Bearer ${dev.keys.ana}` } })
  return (await answer.body.json() as { status: DrillStatus }).status
}
const reached = async (drillId: string, is: (status: DrillStatus) => boolean): Promise<DrillStatus> => {
  const status = await until(async () => {
    const now = await statusOf(drillId)
    return is(now) ? now : undefined
  }, { everyMs: 50, deadlineMs: 60_000 })
  assert.ok(status, `${drillId} got there`)
  return status
}
/** Codes of what speaks against a drill there now, as the API tells them. */
const reasonsAgainst = async (name: string): Promise<string[]> => {
  const answer = await request(`${dev.apiUrl}/v1/drills`, {
    method: 'POST', headers: { authorization: `Bearer ${dev.keys.ana}`, 'content-type': 'application/json' }, body: JSON.stringify({ runbook: 'cut', environment: name }),
  })
  const { error } = await answer.body.json() as { error: { details: Array<{ code: string }> } }
  return error.details.map(({ code }) => code)
}
/** The proxy of the link: gone, it can be neither healed nor looked at. */
const proxy = async (method: 'DELETE' | 'POST', body?: object): Promise<void> => {
  const answer = await request(`${toxiproxy.link.toxiproxy}/proxies${method === 'DELETE' ? `/${toxiproxy.link.proxy}` : ''}`, { method, ...body ? { body: JSON.stringify(body) } : {} })
  await answer.body.dump()
  assert.ok(answer.statusCode < 300, `Toxiproxy answers ${answer.statusCode}`)
}

test('halt aborts what runs there and refuses what would, until two people resume; every word has its exit code and its JSON', async () => {
  assert.deepEqual(await json('otto', 'halts'), { halts: [] })
  assert.equal((await as('otto', 'halts')).out.trim(), 'nothing is halted')
  const drillId = await start('here')
  await reached(drillId, status => status.waitingFor.length > 0)
  assert.equal(await toxiproxy.isCut(), true)

  const unreasoned = await as('eve', 'halt')
  assert.equal(unreasoned.code, 2)
  assert.match(unreasoned.err, /--reason/)
  const halted = await as('eve', 'halt', '--env', 'here', '--reason', 'a real incident')
  assert.equal(halted.code, 0, halted.err)
  assert.match(halted.out, /HALTED: every drill on HERE is being aborted and undone[^]*→ muster resume --env here --reason/)
  const again = await json<{ outcome: string, halt: Halt }>('ben', 'halt', '--env', 'here', '--reason', 'me too')
  assert.deepEqual([again.outcome, again.halt.by.name, again.halt.reason], ['already', 'Eve', 'a real incident'])

  const ended = await reached(drillId, status => status.phase === 'ended')
  assert.equal(ended.verdict, 'aborted', ended.why)
  assert.equal(await toxiproxy.isCut(), false)
  const { halts: [one, ...others] } = await json<{ halts: Halt[] }>('otto', 'halts')
  assert.deepEqual([one?.environment, one?.by.name, others], ['here', 'Eve', []])
  assert.match((await as('otto', 'halts')).out, /HERE +Eve .* a real incident/)

  const refused = await as('ana', 'start', 'cut', '--env', 'here', '--json')
  assert.equal(refused.code, 3)
  const { error } = JSON.parse(refused.out || refused.err) as { error: { code: string, message: string } }
  assert.equal(error.code, 'preflight.refused')
  assert.match(error.message, /here is halted by Eve since .*: a real incident/)
  assert.deepEqual(await reasonsAgainst('here'), ['halt.inForce'])
  const elsewhere = await start('there')
  await reached(elsewhere, status => status.waitingFor.length > 0)
  assert.equal((await as('ana', 'abort', elsewhere, '--reason', 'seen')).code, 0)
  await reached(elsewhere, status => status.phase === 'ended')

  const observer = await as('otto', 'resume', '--env', 'here', '--reason', 'let me')
  assert.equal(observer.code, 2)
  assert.match(observer.err, /^muster: .*Otto/)
  assert.deepEqual(await json('ana', 'resume', '--env', 'here', '--reason', 'over'), { outcome: 'asked' })
  const alone = await as('ana', 'resume', '--env', 'here', '--reason', 'over')
  assert.equal(alone.code, 2)
  assert.match(alone.err, /somebody else must confirm/)
  const lifted = await as('ben', 'resume', '--env', 'here', '--reason', 'over')
  assert.equal(lifted.code, 0, lifted.err)
  assert.match(lifted.out, /lifted: drills may start again/)
  const nothing = await as('ben', 'resume', '--env', 'here', '--reason', 'over', '--json')
  assert.equal(nothing.code, 2)
  assert.match(nothing.out + nothing.err, /"halt\.unknown"/)
  assert.deepEqual(await json('otto', 'halts'), { halts: [] })
})

test('what a drill left behind is owed, forbids the next drill there, and is undone by word of a person once it can be', async () => {
  assert.deepEqual(await json('otto', 'owed'), { owed: [] })
  assert.match((await as('otto', 'owed', '--env', 'here')).out, /nothing is owed on HERE/)
  const drillId = await start('here')
  await reached(drillId, status => status.waitingFor.length > 0)
  const running = await as('eve', 'undo', drillId)
  assert.equal(running.code, 2)
  assert.match(running.err, new RegExp(`muster abort ${drillId}`))
  const before = await (await request(`${toxiproxy.link.toxiproxy}/proxies/${toxiproxy.link.proxy}`)).body.json() as { name: string, listen: string, upstream: string }
  await proxy('DELETE')
  assert.equal((await as('ana', 'abort', drillId, '--reason', 'enough')).code, 0)
  const ended = await reached(drillId, status => status.phase === 'ended')
  assert.deepEqual(ended.leftBehind.map(({ entry, title }) => [entry, title]), [['cut', 'heal link link']])

  const { owed } = await json<{ owed: OwedEntry[] }>('otto', 'owed', '--env', 'here')
  assert.deepEqual(owed.map(one => [one.drillId, one.entry, one.state]), [[drillId, 'cut', 'left-behind']])
  assert.deepEqual(await json('otto', 'owed', '--env', 'there'), { owed: [] })
  const told = await as('otto', 'owed')
  assert.match(told.out, new RegExp(`✗ LEFT BEHIND on HERE: heal link link .*\\n  → muster undo ${drillId}\\n  by hand: POST \\{"enabled":true\\} to`))
  await proxy('POST', { name: before.name, listen: before.listen, upstream: before.upstream, enabled: false })
  assert.equal(await toxiproxy.isCut(), true, 'as the drill left it')
  const refused = await as('ana', 'start', 'cut', '--env', 'here')
  assert.equal(refused.code, 3)
  assert.match(refused.err, new RegExp(`drill ${drillId} left something behind: heal link link. Undo it with .muster undo ${drillId}.`))
  assert.deepEqual(await reasonsAgainst('here'), ['environment.owed'])

  assert.deepEqual(await json('eve', 'undo', drillId), { outcome: 'undoing', entries: 1 })
  assert.ok(await until(async () => (await json<{ owed: OwedEntry[] }>('otto', 'owed')).owed.length === 0 || undefined, { everyMs: 100, deadlineMs: 60_000 }), 'nothing is owed any more')
  assert.equal(await toxiproxy.isCut(), false)
  const settled = await as('eve', 'undo', drillId)
  assert.equal(settled.code, 2)
  assert.match(settled.err, /owes nothing/)
  assert.equal((await as('eve', 'undo', 'no-such-drill')).code, 2)
  const free = await start('here')
  await reached(free, status => status.waitingFor.length > 0)
  assert.equal((await as('ana', 'abort', free, '--reason', 'seen')).code, 0)
  await reached(free, status => status.phase === 'ended')
})
