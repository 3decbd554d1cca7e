import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { ordersAccount } from '../activities/checks/orders-account.js'
import { openOrderJournal, readOrders } from '../activities/observe/order-journal.js'
import { accountForOrders, orderLines, orderNumber, orderNumbers, type SentOrder } from '../src/drill/orders.js'
import { stepContext } from './fixtures/database-lab.js'

const products = [1, 2, 3, 4, 5, 6]
const folder = mkdtempSync(join(tmpdir(), 'muster-orders-'))
after(() => { rmSync(folder, { recursive: true, force: true }) })
const sent = (number: number, outcome: SentOrder['outcome'], resent = 0): SentOrder => ({ number, customer: 0, issuedAtMs: 1, outcome, resent })

describe('the account of orders', () => {
  it('what an order is for tells which one it is, in any order of its lines', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: orderNumbers - 1 }), number => orderNumber(products, orderLines(products, number).reverse()) === number))
    assert.equal(orderNumber(products, [{ productId: 1, quantity: 1 }]), undefined)
    assert.equal(orderNumber(products, [...orderLines(products, 7), { productId: 9, quantity: 1 }]), undefined)
    assert.equal(orderNumber(products, orderLines(products, 7).map(line => ({ ...line, quantity: line.quantity + 9 }))), undefined)
  })

  it('lost, doubled, alien and refused but there are each counted', () => {
    const account = accountForOrders(
      [sent(1, 'placed'), sent(2, 'placed', 2), sent(3, 'placed'), sent(4, 'refused'), sent(5, 'refused'), sent(6, 'unknown'), sent(7, 'unknown', 1)],
      [1, 2, 2, 5, 6, 99, undefined])
    assert.deepEqual(account, { issued: 7, placed: 3, lost: 1, refused: 1, refusedThere: 1, unknown: 2, unknownThere: 1, doubled: 1, alien: 2, resent: 3 })
  })

  it('the journal outlives a killed worker: runs follow each other, and a half line is passed over', () => {
    const journal = openOrderJournal(folder, 'drill')
    journal.put({ since: 'order-1' })
    journal.put({ session: 'opened', customer: 0, atMs: 1 })
    journal.put({ number: 0, customer: 0, issued: 2 })
    journal.put({ number: 0, resent: 3, why: 'status 502' })
    journal.put({ number: 0, placed: 4 })
    journal.put({ number: 1, customer: 0, issued: 5 })
    journal.close()
    appendFileSync(join(folder, 'orders', 'drill.1.jsonl'), '{"number":1,"pla')
    const next = openOrderJournal(folder, 'drill')
    next.put({ since: 'order-2' })
    next.close()
    assert.deepEqual(readOrders(folder, 'drill'), {
      since: 'order-1',
      orders: [
        { number: 0, customer: 0, issuedAtMs: 2, outcome: 'placed', settledAtMs: 4, resent: 1 },
        { number: 1, customer: 0, issuedAtMs: 5, outcome: 'unknown', resent: 0 },
      ],
      sessions: [{ session: 'opened', customer: 0, atMs: 1 }],
    })
  })

  it('without a journal both accounts are blind, and so is one that nobody can log in for', async () => {
    const api = { url: 'http://127.0.0.1:1', instances: [], customer: { email: 'a@b.c', password: 'env:X', products } }
    const context = stepContext({ drillId: 'nobody' })
    assert.equal((await ordersAccount({ dataDir: folder })({ api }, context)).outcome, 'blind')
    const signal = AbortSignal.timeout(60_000)
    assert.match((await ordersAccount({ dataDir: folder })({ api }, stepContext({ drillId: 'settled', signal }))).observed, /no placed order/)
    const journal = openOrderJournal(folder, 'settled')
    journal.put({ number: 0, customer: 0, issued: 2 })
    journal.put({ number: 0, placed: 4 })
    journal.close()
    const asked = await ordersAccount({ dataDir: folder })({ api }, stepContext({ drillId: 'settled', secret: async () => 'x' }))
    assert.equal(asked.outcome, 'blind')
    assert.match(asked.observed, /ECONNREFUSED/)
  })
})
