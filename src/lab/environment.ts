import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { stringify } from 'yaml'
import type { Environment } from '../drill/environment.js'
import { caFile } from './certificates.js'
import type { Account, Accounts } from './storefront/accounts-file.js'
import { labRecovery } from './recovery.js'
import { backupTools, stanza } from './servers/postgres.js'
import { nodeNames, type Layout, type Server } from './layout.js'
import { linkNames } from './servers/toxiproxy.js'
import { volumePaths } from './volumes.js'

/** The lab as a system under drill: the same file that somebody would write for staging. */
export function labEnvironment (layout: Layout, servers: Server[], accounts: Accounts): Environment {
  const { base, ports } = layout
  const toxiproxy = `http://127.0.0.1:${ports.toxiproxy}`
  const link = (name: keyof typeof linkNames): { toxiproxy: string, proxy: string } => ({ toxiproxy, proxy: linkNames[name] })
  const control = (name: string) => {
    const server = servers.find((one) => one.name === name)
    if (server === undefined) throw new Error(`no server ${name}`)
    return server.control
  }
  return {
    name: layout.name,
    title: `Lab ${layout.name}: a small storefront on this machine`,
    tier: 'lab',
    // What is demanded, not what the configuration can promise: an asynchronous pair may rightly fail it.
    objectives: { rto: '30s', rpo: '0s' },
    database: {
      endpoint: { host: '127.0.0.1', port: ports.database, user: 'shop', database: 'shop' },
      nodes: nodeNames.map((name) => ({
        name,
        host: '127.0.0.1',
        port: ports[name],
        user: 'postgres',
        database: 'shop',
        dataDir: layout.dataDirs[name],
        configFile: `${base}/conf/${name}.conf`,
        slot: name,
        rewindUser: 'rewind',
        control: control(name),
      })),
      loadBalancer: { socket: `${base}/run/haproxy.sock`, backend: 'db', stateFile: `${base}/run/haproxy.state` },
      synchronous: layout.synchronous,
      links: { replication: link('pg1ToPg2'), 'replication-back': link('pg2ToPg1'), api: link('apiToDatabase') },
      invariants: [
        {
          name: 'stock adds up',
          sql: 'select not exists (select from products p where p.initial_stock <> p.stock + ' +
            '(select coalesce(sum(l.quantity), 0) from order_lines l where l.product_id = p.id))',
        },
        {
          name: 'every order has its lines and its total',
          sql: 'select not exists (select from orders o where o.total_cents <> ' +
            '(select coalesce(sum(l.quantity * l.price_cents), -1) from order_lines l where l.order_id = o.id))',
        },
        {
          name: 'the totals are those of the orders',
          sql: 'select (select row(count(*)::numeric, coalesce(sum(total_cents), 0)) from orders) = (select row(sum(orders), sum(revenue_cents)) from order_totals)',
        },
      ],
      columns: [{ name: 'stock', table: 'products', key: 'id', column: 'stock', damagedTo: 0 }],
    },
    cache: {
      nodes: ([['redis1', ports.redis2ToRedis1], ['redis2', ports.redis1ToRedis2]] as const).map(([name, port]) => ({
        name, host: '127.0.0.1', port: ports[name], follows: { host: '127.0.0.1', port }, control: control(name),
      })),
      endpoint: { host: '127.0.0.1', port: ports.apiToRedis },
      loadBalancer: link('apiToRedis'),
      links: { api: link('apiToRedis'), replication: link('redis1ToRedis2'), 'replication-back': link('redis2ToRedis1') },
      // Not of what the drill's customer buys: their stock changes all the time.
      pages: [11, 12, 13, 14, 15].map((id) => ({
        name: `product ${id}`,
        path: `/v1/products/${id}`,
        sql: `select json_build_object('id', id, 'name', name, 'priceCents', price_cents, 'stock', stock) from products where id = ${id}`,
      })),
    },
    api: {
      url: `https://127.0.0.1:${ports.https}`,
      caFile: caFile(base),
      instances: (['api1', 'api2'] as const).map((name) => ({ name, url: `http://127.0.0.1:${ports[name]}/readyz`, control: control(name) })),
      plainUrl: `http://127.0.0.1:${ports.http}`,
      accounts: Object.fromEntries(Object.entries<Account>({ ...accounts }).map(([role, { email, passwordFile }]) => [role, { email, password: `file:${passwordFile}` }])),
      limit: { path: '/v1/password-reset', field: 'email' },
      customer: { email: accounts.drill.email, password: `file:${accounts.drill.passwordFile}`, products: [1, 2, 3, 4, 5, 6] },
    },
    backup: {
      stanza,
      configFile: `${base}/conf/pgbackrest.conf`,
      scratchDir: `${base}/copies`,
      ...(layout.user ? { runAs: layout.user } : {}),
      tools: backupTools(layout),
      policy: { maxAge: '26h', fullMaxAge: '8d' },
    },
    recovery: labRecovery(layout, servers),
    volumes: Object.fromEntries(Object.entries(volumePaths(base, layout.volumes)).map(([name, path]) => [name, { path }])),
    monitoring: { prometheus: `http://127.0.0.1:${ports.prometheus}`, alertmanager: `http://127.0.0.1:${ports.alertmanager}`, alertReceiver: `127.0.0.1:${ports.alertReceiver}` },
    load: {
      hosts: ['127.0.0.1'],
      watch: [
        ...(['api1', 'api2'] as const).flatMap(name => [
          { name: `${name} CPU`, query: `rate(process_cpu_seconds_total{node="${name}"}[15s])`, unit: 'ratio' as const },
          { name: `${name} memory`, query: `process_resident_memory_bytes{node="${name}"}`, unit: 'bytes' as const },
          { name: `${name} heap`, query: `nodejs_heap_size_used_bytes{node="${name}"}`, unit: 'bytes' as const },
          { name: `${name} files`, query: `process_open_fds{node="${name}"}`, unit: 'count' as const },
        ]),
        { name: 'database connections', query: 'sum(storefront_pool_connections{state="used"})', unit: 'count' },
        { name: 'requests waiting for one', query: 'sum(storefront_pool_connections{state="waiting"})', unit: 'count' },
        { name: 'cache hits', query: 'sum(rate(storefront_catalogue_reads_total{outcome="hit"}[15s])) / sum(rate(storefront_catalogue_reads_total[15s]))', unit: 'ratio' },
      ],
    },
    // A lab lives for minutes, and is there to be broken: its last month says nothing.
    smoke: { params: { window: '1m' } },
  }
}

export function writeEnvironment (file: string, environment: Environment): void {
  mkdirSync(dirname(file), { recursive: true })
  const text = `# Written by \`muster lab up\`, removed by \`muster lab down\`.\n${stringify(environment, { aliasDuplicateObjects: false })}`
  // It holds no secret, but says how to start and stop the lab's processes.
  writeFileSync(`${file}.new`, text, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
