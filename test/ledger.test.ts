import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { actionCatalog, type ActionInputs, type ActionName } from '../src/drill/actions.js'
import { owe, unwindOrder, type LedgerEntry } from '../src/drill/ledger.js'

const actions = Object.keys(actionCatalog) as ActionName[]
const entry = (id: string, action: ActionName, state: LedgerEntry['state'] = 'owed'): LedgerEntry =>
  ({ id, action, with: {} as ActionInputs[ActionName], title: id, byHand: id, state })

const anyLedger = fc.array(fc.tuple(fc.constantFrom(...actions), fc.constantFrom<LedgerEntry['state']>('owed', 'settled', 'left-behind')), { maxLength: 12 })
  .map(list => list.map(([action, state], index) => entry(String(index), action, state)))

test('a failover is undone backwards, and its cut link is healed first', () => {
  const order = unwindOrder([
    entry('canaries', 'canaries.prepare'), entry('cut', 'toxiproxy.cut'), entry('break', 'postgres.break'), entry('fence', 'postgres.fence'),
    entry('promote', 'postgres.promote'), entry('switch', 'haproxy.switch'),
  ])
  assert.deepEqual(order.map(one => one.id), ['cut', 'switch', 'promote', 'fence', 'break', 'canaries'])
})

test('several links are healed in reverse too', () => {
  assert.deepEqual(unwindOrder([entry('a', 'toxiproxy.cut'), entry('b', 'component.kill'), entry('c', 'toxiproxy.cut')]).map(one => one.id), ['c', 'a', 'b'])
})

test('exactly what is owed is undone, once; what is settled or left behind is not touched again', () => {
  fc.assert(fc.property(anyLedger, entries => {
    assert.deepEqual(unwindOrder(entries).map(one => one.id).sort(), entries.filter(one => one.state === 'owed').map(one => one.id).sort())
  }))
})

test('links come before all others, and within each kind the last comes first', () => {
  fc.assert(fc.property(anyLedger, entries => {
    const rank = (one: LedgerEntry): number => (actionCatalog[one.action].healsFirst ? 1e6 : 0) + Number(one.id)
    const ranks = unwindOrder(entries).map(rank)
    assert.deepEqual(ranks, [...ranks].sort((a, b) => b - a))
  }))
})

test('the ledger itself keeps its order', () => {
  fc.assert(fc.property(anyLedger, entries => {
    const before = entries.map(one => one.id)
    unwindOrder(entries)
    assert.deepEqual(entries.map(one => one.id), before)
  }))
})

test('an entry says what its undo does and what a person runs instead', () => {
  const { state, title, byHand } = owe('cut', 'toxiproxy.cut', { link: { toxiproxy: 'http://127.0.0.1:8474', proxy: 'replication' } })
  assert.deepEqual({ state, title, byHand }, { state: 'owed', title: 'heal link replication', byHand: 'POST {"enabled":true} to http://127.0.0.1:8474/proxies/replication' })
})
