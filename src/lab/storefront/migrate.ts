import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { readPassword, type Accounts } from './accounts-file.js'
import { seed } from './seed.js'
import type { StorefrontConfig } from './config.js'

const folder = fileURLToPath(new URL('migrations', import.meta.url))

/** Brings the shop's database to the newest version, one transaction a file, and fills an empty shop. */
export async function migrate (connection: StorefrontConfig['database'], accounts: Accounts): Promise<void> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 5_000, query_timeout: 10_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())')
    const { rows } = await client.query<{ name: string }>('select name from migrations')
    const applied = new Set(rows.map(({ name }) => name))
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.sql')).sort()) {
      if (applied.has(name)) continue
      await client.query('begin')
      await client.query(readFileSync(`${folder}/${name}`, 'utf8'))
      await client.query('insert into migrations (name) values ($1)', [name])
      await client.query('commit')
    }
    await seed(client, {
      admin: { email: accounts.admin.email, password: readPassword(accounts.admin) },
      customer: { email: accounts.customer.email, password: readPassword(accounts.customer) },
      drill: { email: accounts.drill.email, password: readPassword(accounts.drill) },
    })
  } finally {
    await client.end()
  }
}
