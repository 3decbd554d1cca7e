import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { runCase, type Outcome, type Undisturbed } from '../chaos/case.js'
import { momentsOf, type Kind, type Moment } from '../chaos/moment.js'
import { openStage, shortLeaseSeconds, type Order, type Stage } from '../chaos/stage.js'
import { differences, traces } from '../chaos/traces.js'
import { controlOf } from '../src/control/control.js'
import { until } from '../src/control/until.js'
import { instantiate } from '../src/drill/instantiate.js'
import { loadRunbook } from '../src/runbook/load.js'

// A few of the cases of `npm run test:chaos`, with real processes on a real lab, and the proof that the harness sees what is broken.

const undisturbed: Undisturbed = { tookMs: {}, promotions: 0 }

/** A rule is made by hand here. */
const hasFilter = process.getuid?.() === 0 && ['/usr/sbin', '/usr/bin'].some(folder => existsSync(`${folder}/iptables`))

let stage: Stage
before(async () => { stage = await openStage() })
after(async () => { await stage?.down() })

async function momentOf (runbook: string, name: string): Promise<Moment> {
  const { value } = await loadRunbook(`runbooks/${runbook}.yaml`)
  return momentsOf(instantiate(value!, { params: {}, environment: stage.environment })).find(moment => moment.name === name)!
}
async function held (runbook: string, name: string, kind: Kind): Promise<Outcome> {
  const outcome = await runCase(stage, { runbook, moment: await momentOf(runbook, name), kind }, undisturbed)
  assert.deepEqual(outcome.problems, [])
  assert.equal(outcome.result, 'held')
  return outcome
}

test('the cache is broken, the worker is killed and no other comes: the watchdog reverts it, and the drill is invalid', async () => {
  const { verdict, why, revertedAfterMs } = await held('redis-cache-failure', 'break', 'alone-after')
  assert.equal(verdict, 'invalid', why)
  assert.match(why!, /the watchdog reverted the fault of step "break"/)
  assert.ok(revertedAfterMs! > shortLeaseSeconds * 1000 / 2, `held for its lease: ${revertedAfterMs} ms`)
})

test('the worker is killed while it cuts a link, and another one comes: the drill goes on as if nothing had been', async () => {
  const { verdict, why } = await held('link-cut', 'cut', 'worker-in')
  assert.equal(verdict, 'passed', why)
  assert.ok(stage.calls().filter(call => call.stepId === 'cut' && call.activity === 'toxiproxy.cut').length >= 2, 'it was really tried twice')
})

test('the watchdog is killed while a link is about to be cut: nothing is cut before another one has taken note, and the drill goes on', async () => {
  const first = stage.dev.processOf('watchdog').pid
  const { verdict, why } = await held('link-cut', 'cut', 'watchdog')
  assert.equal(verdict, 'passed', why)
  assert.notEqual(stage.dev.processOf('watchdog').pid, first, 'another one watches since')
})

test('a rule of the packet filter is a trace, and so is what a killed server leaves of shared memory', { skip: !hasFilter && 'takes root and iptables' }, async () => {
  const before = await traces(stage)
  const rule = ['INPUT', '-i', 'lo', '-p', 'tcp', '--dport', String(stage.lab.ports.toxiproxy), '-j', 'ACCEPT']
  const filter = (deed: string): unknown => execFileSync('iptables', ['-w', '5', deed, ...rule], { env: { PATH: '/usr/sbin:/usr/bin' } })
  const standby = controlOf(stage.environment.database!.nodes[1]!.control)
  await standby.kill()
  filter('-I')
  try {
    const found = differences(before, await traces(stage)).join('\n')
    assert.match(found, /^memory: is segment \d+$/m)
    assert.match(found, new RegExp(`^rules: is -A INPUT .*--dport ${stage.lab.ports.toxiproxy} `, 'm'))
  } finally {
    filter('-D')
    await standby.start()
  }
  assert.ok(await until(async () => differences(before, await traces(stage)).length === 0 || undefined, { everyMs: 200, deadlineMs: 30_000 }), 'and both can go')
})

test('a drill that is refused is a broken case, and the next one can be run', async () => {
  const { result, problems } = await runCase(stage, { runbook: 'link-cut', moment: await momentOf('link-cut', 'cut'), kind: 'repeat', params: { length: 'long' } }, undisturbed)
  assert.equal(result, 'broken')
  assert.match(problems.join('\n'), /^it did not start: parameter "length" takes a duration/)
})

test('an undo that lies turns the harness red, though the drill believes it', async () => {
  const moment = await momentOf('link-cut', 'heal')
  const order: Order = { ...moment.at as { activity: string, stepId: string }, deed: 'lie' }
  const outcome = await runCase(stage, { runbook: 'link-cut', moment, kind: 'repeat' }, undisturbed, { order, wholeWithinMs: 2_000 })
  assert.equal(outcome.result, 'broken')
  assert.match(outcome.problems.join('\n'), /proxies: was \S+ open to .*; is \S+ cut to/)
  assert.match(outcome.problems.join('\n'), /leases: is \S+~cut\.lease/)
})
