import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { request } from 'undici'
import type { Proxy } from '../activities/toxiproxy.js'
import { allProcs, withDescendants } from '../src/control/proc.js'
import { sharedSegments } from '../src/control/shared-memory.js'
import { labStatus } from '../src/lab/lab.js'
import { livingOf } from '../test/fixtures/lab-traces.js'
import type { Stage } from './stage.js'

/** The lab and this machine as they are, seen from outside of Muster: what must be the same before and after a case. */
export interface Traces {
  servers: string[]
  roles: string[]
  proxies: string[]
  mounts: string[]
  tables: string[]
  files: string[]
  /** Shared memory that nobody is attached to, as a killed PostgreSQL leaves it: made by a server of the lab that was seen before. */
  memory: string[]
  /** Of the kernel's packet filter, on ports of the lab. */
  rules: string[]
  /** Processes of the lab that belong to none of its servers. */
  strays: string[]
  /** Leases that are held or taken, and steps that say that they act. */
  leases: string[]
  /** How often the database was promoted since it was made: its timeline. */
  promotions: number
}

export async function traces ({ root, lab, leases, environment, seenServers }: Stage): Promise<Traces> {
  const { servers, database } = await labStatus(root, lab.name)
  // In this order: what starts or ends between the two looks is nobody's stray.
  const living = livingOf(lab.base)
  const all = allProcs()
  const known = new Set(withDescendants(all.filter(({ pid }) => servers.some(server => server.pid === pid)), all).map(({ pid }) => pid))
  for (const { pid } of servers) if (pid !== undefined) seenServers.add(pid)
  const primary = environment.database!.nodes.find(node => database.some(one => one.name === node.name && one.role === 'primary'))
  const { tables, promotions } = primary ? await insideOf(primary) : { tables: ['there is no primary'], promotions: -1 }
  return {
    servers: servers.map(({ name, state }) => `${name} ${state}`).sort(),
    roles: database.map(({ name, role, standby }) => `${name} ${role}${standby ? `, ${standby.name} ${standby.syncState}` : ''}`).sort(),
    proxies: await proxiesOf(`http://127.0.0.1:${lab.ports.toxiproxy}`),
    mounts: readFileSync('/proc/mounts', 'utf8').split('\n').map(line => line.split(' ')[1] ?? '').filter(point => point.startsWith(root) || point.startsWith(`${lab.base}/`)).sort(),
    tables,
    files: ['', 'conf', 'copies'].flatMap(folder => list(`${lab.base}/${folder}`).map(file => `${folder}/${file}`)).sort(),
    memory: sharedSegments().filter(({ attached, maker }) => attached === 0 && seenServers.has(maker)).map(({ id }) => `segment ${id}`),
    rules: rulesOn(Object.values(lab.ports)),
    strays: all.filter(({ pid }) => living.includes(pid) && !known.has(pid)).map(({ pid, name }) => `${pid} ${name}`),
    leases: list(leases.dir).filter(file => /\.(lease|reverting|acting)$/.test(file)),
    promotions,
  }
}

/** What is different, a line each: empty where everything is as it was. How often there was to be a promotion is for others to know. */
export function differences (before: Traces, after: Traces): string[] {
  return (Object.keys(before) as Array<keyof Traces>).filter(key => key !== 'promotions').flatMap(key => {
    const [was, is] = [before[key] as string[], after[key] as string[]]
    // A stray, a lease or an orphan that is gone is nothing that was left.
    const gone = key === 'strays' || key === 'leases' || key === 'memory' ? [] : was.filter(one => !is.includes(one))
    const come = is.filter(one => !was.includes(one))
    return gone.length + come.length === 0 ? [] : [`${key}: ${[...gone.length > 0 ? [`was ${gone.join(', ')}`] : [], ...come.length > 0 ? [`is ${come.join(', ')}`] : []].join('; ')}`]
  })
}

async function insideOf ({ host, port, user, database }: { host: string, port: number, user: string, database: string }): Promise<Pick<Traces, 'tables' | 'promotions'>> {
  const client = new pg.Client({ host, port, user, database, connectionTimeoutMillis: 2000, query_timeout: 3000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ name: string }>("select schemaname || '.' || tablename as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1")
    // Not of the last checkpoint, which may be one of before the promotion.
    const { rows: [wal] } = await client.query<{ file: string }>('select pg_walfile_name(pg_current_wal_lsn()) as file')
    return { tables: rows.map(({ name }) => name), promotions: Number.parseInt(wal!.file.slice(0, 8), 16) }
  } catch {
    return { tables: ['the primary does not answer'], promotions: -1 }
  } finally {
    await client.end().catch(() => {})
  }
}

async function proxiesOf (toxiproxy: string): Promise<string[]> {
  try {
    const answer = await request(`${toxiproxy}/proxies`, { headersTimeout: 2000, bodyTimeout: 2000 })
    return Object.values(await answer.body.json() as Record<string, Proxy>).map(({ name, enabled, upstream, toxics }) => `${name} ${enabled ? 'open' : 'cut'} to ${upstream}${toxics.map(toxic => ` with ${toxic.name}`).join('')}`).sort()
  } catch {
    return ['Toxiproxy does not answer']
  }
}

/** None where this user may not look: then he can have made none either. */
function rulesOn (ports: number[]): string[] {
  try {
    return execFileSync('iptables', ['-w', '5', '-S'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } })
      .split('\n').filter(rule => ports.some(port => new RegExp(`--[ds]port ${port}\\b`).test(rule)))
  } catch {
    return []
  }
}

function list (folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
