import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linkBreak } from '../activities/link.js'
import { able } from '../activities/able.js'
import { actions } from '../activities/index.js'
import { canLosePackets, keepPackets, losePackets, lossesOf } from '../src/control/packet-loss.js'
import type { DrillInput } from '../src/drill/input.js'
import { stepContext } from './fixtures/database-lab.js'
import { startToxiproxy } from './fixtures/toxiproxy.js'

const noLoss = (because: RegExp) => ({ code: 'link.noLoss', message: because })
const losing = { name: 'muster-loss:test', port: 1, ways: ['forth' as const], percent: 50 }

test('where there is no iptables, losing packets is refused, and that is said', async () => {
  const options = { program: '/no/such/iptables' }
  for (const call of [() => canLosePackets(options), () => losePackets(losing, options), () => keepPackets('muster-loss:test', options), () => lossesOf('muster-loss:test', options)]) {
    await assert.rejects(call(), noLoss(/cannot be lost on this machine: .*ENOENT/))
  }
})

test('who is not root is refused by the kernel, and that is said', async () => {
  // Root becomes nobody for it; who is somebody else already stays so.
  const options = process.getuid?.() === 0 ? { uid: 65534 } : {}
  await assert.rejects(canLosePackets(options), noLoss(/cannot be lost on this machine/))
  await assert.rejects(losePackets(losing, options), noLoss(/cannot be lost on this machine/))
})

test('a link that is not on this machine’s loopback cannot lose packets here: the drill is refused before anything is touched', async () => {
  const toxiproxy = await startToxiproxy({ listen: '0.0.0.0' })
  try {
    const input = { link: toxiproxy.link, how: 'loss', way: 'both', loss: 30 } as const
    await assert.rejects(linkBreak.able!(input, stepContext()), noLoss(/link link cannot be lost: it is at .*, not on this machine’s loopback/))
    await assert.rejects(linkBreak.do(input, stepContext()), noLoss(/not on this machine’s loopback/))
    const drill = { runbook: { steps: [{ id: 'break', kind: 'action', action: 'link.break', with: input }] } } as unknown as DrillInput
    const [refusal] = await able(actions, drill, stepContext())
    assert.equal(refusal?.code, 'link.noLoss')
    assert.match(refusal.message, /^step "break": packets of link link cannot be lost/)
    const cut = { runbook: { steps: [{ id: 'break', kind: 'action', action: 'link.break', with: { ...input, how: 'cut' } }] } } as unknown as DrillInput
    assert.deepEqual(await able(actions, cut, stepContext()), [])
  } finally {
    await toxiproxy.stop()
  }
})
