import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { Agent, fetch } from 'undici'
import { labDown, labUp, type Lab } from '../src/lab/lab.js'

interface Answer { status: number, headers: Headers, body: ReturnType<typeof JSON.parse> }

describe('the storefront', { timeout: 120_000 }, () => {
  let root: string
  let lab: Lab
  let front: Agent
  let customer: string
  let admin: string

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'muster-shop-'))
    lab = await labUp({ root })
    front = new Agent({ connect: { ca: readFileSync(lab.environment.api!.caFile!) } })
    customer = await logIn('customer')
    admin = await logIn('admin')
  })

  after(async () => {
    await front?.close()
    await labDown(root)
    rmSync(root, { recursive: true, force: true })
  })

  async function call (method: string, path: string, options: { token?: string, body?: unknown, headers?: Record<string, string>, base?: string } = {}): Promise<Answer> {
    const response = await fetch((options.base ?? lab.environment.api!.url) + path, {
      method,
      dispatcher: options.base === undefined ? front : undefined,
      headers: {
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return { status: response.status, headers: response.headers as unknown as Headers, body: isJson ? JSON.parse(text) : text }
  }

  async function logIn (who: 'customer' | 'admin'): Promise<string> {
    const { email, passwordFile } = lab.accounts[who]
    const { status, body } = await call('POST', '/v1/log-in', { body: { email, password: readFileSync(passwordFile, 'utf8').trim() } })
    assert.equal(status, 200)
    return body.token
  }

  const order = (token: string, lines: unknown, key?: string): Promise<Answer> =>
    call('POST', '/v1/orders', { token, body: { lines }, headers: key === undefined ? {} : { 'idempotency-key': key } })

  async function onPrimary<T extends pg.QueryResultRow> (sql: string): Promise<T> {
    const client = new pg.Client({ host: '127.0.0.1', port: lab.ports.pg1, user: 'postgres', database: 'shop' })
    await client.connect()
    try {
      return (await client.query<T>(sql)).rows[0] as T
    } finally {
      await client.end()
    }
  }

  async function assertInvariants (): Promise<void> {
    for (const { name, sql } of lab.environment.database!.invariants!) assert.deepEqual(Object.values(await onPrimary(sql)), [true], name)
  }

  const link = (name: string, enabled: boolean): Promise<unknown> =>
    fetch(`http://127.0.0.1:${lab.ports.toxiproxy}/proxies/${name}`, { method: 'POST', body: JSON.stringify({ enabled }) })

  it('signs up, logs in, and a log-out ends the session', async () => {
    const person = { email: `${randomUUID()}@example.org`, password: 'long enough for us', name: 'Ada' }
    assert.equal((await call('POST', '/v1/sign-up', { body: person })).status, 201)
    assert.equal((await call('POST', '/v1/sign-up', { body: person })).body.code, 'email.taken')
    const { body: { token }, headers } = await call('POST', '/v1/log-in', { body: { email: person.email, password: person.password } })
    assert.match(headers.get('set-cookie') ?? '', /HttpOnly; Secure; SameSite=Strict/)
    assert.equal((await call('GET', '/v1/me', { token })).body.email, person.email)
    assert.equal((await call('POST', '/v1/log-out', { token })).status, 204)
    assert.equal((await call('GET', '/v1/me', { token })).status, 401)
  })

  it('answers the catalogue from the cache the second time, and forgets a product that was sold', async () => {
    await call('GET', '/v1/products/2')
    const before = await call('GET', '/v1/products/2')
    assert.equal(before.headers.get('x-cache'), 'hit')
    assert.equal((await order(customer, [{ productId: 2, quantity: 1 }])).status, 201)
    const after = await call('GET', '/v1/products/2')
    assert.equal(after.headers.get('x-cache'), 'miss')
    assert.equal(after.body.stock, before.body.stock - 1)
    assert.match((await call('GET', '/')).body, /Muster list frame/)
  })

  it('takes an order once, however often it is sent, also at the same time', async () => {
    const key = randomUUID()
    const before = await onPrimary<{ stock: number }>('select stock from products where id = 3')
    const answers = await Promise.all(Array.from({ length: 8 }, () => order(customer, [{ productId: 3, quantity: 2 }], key)))
    assert.deepEqual(answers.map(({ status }) => status), Array(8).fill(201))
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
    assert.equal(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true').length, 7)
    assert.equal((await onPrimary<{ stock: number }>('select stock from products where id = 3')).stock, before.stock - 2)
    assert.equal((await order(customer, [{ productId: 3, quantity: 3 }], key)).body.code, 'order.keyReused')
    await assertInvariants()
  })

  it('never sells more than there is, and leaves nothing of an order that it refused', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => order(customer, [{ productId: 20, quantity: 1 }, { productId: 4, quantity: 1 }])))
    assert.equal(answers.filter(({ status }) => status === 201).length, 5)
    assert.equal(answers.filter(({ body }) => body.code === 'stock.short').length, 7)
    assert.equal((await order(customer, [{ productId: 999, quantity: 1 }])).body.code, 'product.unknown')
    await assertInvariants()
  })

  it('gives back what was ordered by somebody who leaves, and counts it no more', async () => {
    const person = { email: `${randomUUID()}@example.org`, password: 'long enough for us', name: 'Eve' }
    await call('POST', '/v1/sign-up', { body: person })
    const { body: { token } } = await call('POST', '/v1/log-in', { body: { email: person.email, password: person.password } })
    const totals = async (): Promise<{ orders: number, revenueCents: number }> => (await call('GET', '/v1/admin/totals', { token: admin })).body
    const before = await totals()
    for (const productId of [5, 6]) await order(token, [{ productId, quantity: 3 }])
    const after = await totals()
    assert.deepEqual([after.orders - before.orders, after.revenueCents - before.revenueCents], [2, 3 * (2_990 + 3_490)])
    assert.equal((await call('DELETE', '/v1/me', { token })).status, 204)
    assert.deepEqual([(await totals()).orders, (await totals()).revenueCents], [before.orders, before.revenueCents])
    await assertInvariants()
  })

  it('shows an order to its owner only, and the admin page to admins only', async () => {
    const { body: mine } = await order(customer, [{ productId: 1, quantity: 1 }])
    assert.equal((await call('GET', `/v1/orders/${mine.id}`, { token: customer })).body.totalCents, 8_990)
    assert.equal((await call('GET', `/v1/orders/${mine.id}`, { token: admin })).status, 404)
    assert.equal((await call('GET', `/v1/orders/${mine.id}`)).status, 401)
    assert.ok(!(await call('GET', '/v1/orders', { token: admin })).body.orders.some(({ id }: { id: string }) => id === mine.id))
    assert.equal((await call('GET', '/admin')).status, 401)
    assert.equal((await call('GET', '/admin', { token: customer })).status, 403)
    assert.match((await call('GET', '/admin', { headers: { cookie: `session=${admin}` } })).body, /Orders<\/th><td>[1-9]/)
    assert.equal((await call('GET', '/v1/admin/totals', { token: customer })).status, 403)
    const { body: totals } = await call('GET', '/v1/admin/totals', { token: admin })
    const counted = await onPrimary<object>('select count(*)::int as orders, sum(total_cents)::int as "revenueCents" from orders')
    assert.deepEqual({ orders: totals.orders, revenueCents: totals.revenueCents }, counted)
  })

  it('refuses input of a wrong shape', async () => {
    for (const lines of [[], 'x', [{ productId: 1, quantity: 0 }], [{ productId: '1', quantity: 1 }], [{ productId: 1, quantity: 1, price: 0 }], [{ productId: 1, quantity: 1 }, { productId: 1, quantity: 1 }]]) {
      assert.equal((await order(customer, lines)).status, 400, JSON.stringify(lines))
    }
    assert.equal((await call('POST', '/v1/sign-up', { body: { email: 'a@b', password: 'short', name: 'x' } })).status, 400)
    assert.equal((await call('GET', '/v1/products/1;drop')).status, 400)
    assert.equal((await call('GET', '/nowhere')).body.code, 'route.unknown')
    const large = await call('POST', '/v1/orders', { token: customer, body: { lines: [{ productId: 1, quantity: 1 }], more: 'x'.repeat(40_000) } })
    assert.deepEqual([large.status, large.body.code], [413, 'input.invalid'])
  })

  it('fulfils what was ordered, on one instance at a time', async () => {
    await until(async () => (await onPrimary<{ waiting: number }>("select count(*)::int as waiting from orders where status = 'placed'")).waiting === 0)
    const metrics = await Promise.all([lab.ports.api1, lab.ports.api2].map(async (port) => (await call('GET', '/metrics', { base: `http://127.0.0.1:${port}` })).body as string))
    assert.deepEqual(metrics.map((text) => /^storefront_fulfilment_leader (\d)/m.exec(text)?.[1]).sort(), ['0', '1'])
    assert.ok(metrics.some((text) => /^http_requests_total\{code="2xx"/m.test(text)))
    assert.equal((await call('GET', '/metrics')).status, 404, 'not for the street')
  })

  it('sends security headers, and speaks no old TLS', async () => {
    const { headers } = await call('GET', '/v1/products')
    assert.equal(headers.get('strict-transport-security'), 'max-age=31536000')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'self'/)
    assert.equal(headers.get('server'), 'nginx')
    const plain = await fetch(`http://127.0.0.1:${lab.ports.http}/v1/products`, { redirect: 'manual' })
    assert.equal(plain.status, 301)
    const old = new Agent({ connect: { rejectUnauthorized: false, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' } })
    await assert.rejects(fetch(lab.environment.api!.url, { dispatcher: old }))
    await old.close()
  })

  it('stops whoever guesses a password with 429 over all instances, and nobody else', async () => {
    const guess = (email: string): Promise<Answer> => call('POST', '/v1/log-in', { body: { email, password: 'a wrong guess' } })
    const answers = await Promise.all(Array.from({ length: 50 }, () => guess('victim@example.org')))
    assert.equal(answers.filter(({ status }) => status === 429).length, 10)
    assert.ok(answers.every(({ status }) => status === 401 || status === 429))
    assert.ok(Number(answers.find(({ status }) => status === 429)?.headers.get('retry-after')) > 0)
    assert.equal((await guess('other@example.org')).status, 401)
  })

  it('goes on without Redis: the catalogue bypasses it, and readiness says degraded', async () => {
    await link('api-to-redis', false)
    try {
      await until(async () => (await call('GET', '/readyz')).body.status === 'degraded')
      const { status, headers } = await call('GET', '/v1/products')
      assert.deepEqual([status, headers.get('x-cache')], [200, 'bypass'])
      assert.equal((await call('GET', '/v1/me', { token: customer })).body.code, 'sessions.unavailable')
    } finally {
      await link('api-to-redis', true)
    }
    await until(async () => (await call('GET', '/readyz')).body.status === 'ok' && (await call('GET', '/v1/me', { token: customer })).status === 200)
  })

  it('answers 503 while the database is away, and sells again once it is back, without a restart', async () => {
    const instances = lab.environment.api!.instances.map(({ control }) => readFileSync((control as { pidFile: string }).pidFile, 'utf8'))
    await link('api-to-database', false)
    try {
      await until(async () => (await call('GET', '/readyz')).status === 503)
      const { status, body, headers } = await order(customer, [{ productId: 5, quantity: 1 }])
      assert.deepEqual([status, body.code, headers.get('retry-after')], [503, 'database.unavailable', '1'])
    } finally {
      await link('api-to-database', true)
    }
    await until(async () => (await order(customer, [{ productId: 5, quantity: 1 }])).status === 201)
    assert.deepEqual(lab.environment.api!.instances.map(({ control }) => readFileSync((control as { pidFile: string }).pidFile, 'utf8')), instances, 'nobody crashed')
    await assertInvariants()
  })

  it('writes JSON lines without a secret', () => {
    const logs = readdirSync(`${lab.base}/log`).filter((file) => file.startsWith('api')).map((file) => readFileSync(`${lab.base}/log/${file}`, 'utf8')).join('')
    for (const line of logs.trim().split('\n')) JSON.parse(line)
    assert.match(logs, /"route":"\/v1\/orders","status":201/)
    for (const secret of [customer, admin, 'long enough for us', 'a wrong guess', ...Object.values(lab.accounts).map(({ passwordFile }) => readFileSync(passwordFile, 'utf8').trim())]) {
      assert.ok(!logs.includes(secret))
    }
  })
})

async function until (ask: () => Promise<boolean>, deadlineMs = 30_000): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!await ask()) {
    assert.ok(Date.now() < end, `not within ${deadlineMs} ms`)
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
}
