import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import type { ApiService, Customer } from '../../src/drill/environment.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { OrderLine } from '../../src/drill/orders.js'

/** An answer of the service; `error` where there was none. */
export type ShopAnswer = { status: number, body: unknown } | { error: string }

/** The service as its customers use it: through their own door, on kept connections. */
export interface Shop {
  customer: Customer
  ask: (call: { method: 'GET' | 'POST', path: string, token?: string, key?: string, body?: object }) => Promise<ShopAnswer>
  close: () => void
}

/** Throws `input.invalid` where the environment names no customer, `config.invalid` where the authority's file cannot be read. */
export function openShop (api: ApiService, drillId: string, deadlineMs: number): Shop {
  const { customer } = api
  if (!customer) throw new DrillError('input.invalid', 'The environment names no customer (api.customer), so nobody can order')
  const agent = agentOf(api.caFile)
  return {
    customer,
    async ask ({ method, path, token, key, body }) {
      const deadline = new AbortController()
      const timer = setTimeout(() => { deadline.abort(new Error(`no answer within ${deadlineMs} ms`)) }, deadlineMs)
      try {
        const answer = await request(new URL(path, api.url), {
          method,
          dispatcher: agent,
          signal: deadline.signal,
          headers: {
            'user-agent': 'muster-customer', 'x-muster-drill': drillId,
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(key === undefined ? {} : { 'idempotency-key': key }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        const text = await answer.body.text()
        return { status: answer.statusCode, body: jsonOf(text) }
      } catch (error) {
        return { error: messageOf(error) || 'no connection' }
      } finally {
        clearTimeout(timer)
      }
    },
    close: () => { agent.destroy().catch(() => {}) },
  }
}

/** A token, or why there is none. The password goes into the body of this one call and nowhere else. */
export async function logIn (shop: Shop, password: string): Promise<{ token: string } | { error: string }> {
  const answer = await shop.ask({ method: 'POST', path: '/v1/log-in', body: { email: shop.customer.email, password } })
  if ('error' in answer) return answer
  const { token } = answer.body as { token?: unknown }
  return answer.status === 200 && typeof token === 'string' ? { token } : { error: `log-in: ${answerText(answer)}` }
}

const pageSize = 500

/** The customer's orders, newest first, down to the one named `since`. Throws `component.unexpected`. */
export async function ordersSince (shop: Shop, token: string, since: string | null | undefined, limit = Infinity): Promise<Array<{ id: string, lines: OrderLine[] }>> {
  const found: Array<{ id: string, lines: OrderLine[] }> = []
  let before: string | undefined
  for (;;) {
    const answer = await shop.ask({ method: 'GET', path: `/v1/orders?limit=${Math.min(pageSize, limit)}${before === undefined ? '' : `&before=${before}`}`, token })
    if ('error' in answer || answer.status !== 200) throw new DrillError('component.unexpected', `the list of orders: ${answerText(answer)}`)
    const { orders } = answer.body as { orders: Array<{ id: string, lines: OrderLine[] }> }
    for (const order of orders) {
      if (order.id === since) return found
      found.push(order)
      if (found.length >= limit) return found
    }
    if (orders.length < pageSize) return found
    before = orders.at(-1)!.id
  }
}

export function answerText (answer: ShopAnswer): string {
  if ('error' in answer) return answer.error
  const { code } = (answer.body ?? {}) as { code?: unknown }
  return `status ${answer.status}${typeof code === 'string' ? ` (${code})` : ''}`
}

function agentOf (caFile: string | undefined): Agent {
  try {
    return new Agent({ connect: caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') } })
  } catch (error) {
    throw new DrillError('config.invalid', `the certificate authority cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

function jsonOf (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
