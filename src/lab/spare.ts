import type { Environment, ProcessControl } from '../drill/environment.js'
import type { Moved } from '../drill/rebuild.js'
import { nodeNames, portNames, sparePorts, spareRoot, type Layout, type Ports } from './layout.js'
import { labRecovery, type keptServers } from './recovery.js'
import { allServers } from './servers/index.js'

/** Where nothing listens that a shop could take for its own: what the spare does not have leads there, never to the living lab. */
const nowhere = 9

/**
 * An empty machine beside a lab, as an environment of its own: nothing of it is there until a drill brings the shop up on it from the
 * lab's backups alone, with one server of each kind.
 * @param lab the living one
 */
export function spareEnvironment (layout: Layout, lab: Environment): Environment {
  const root = spareRoot(layout.base)
  const own = sparePorts(layout.ports)
  const elsewhere: Layout = {
    ...layout, base: root, ports: { ...layout.ports, ...own }, volumes: false, dataDirs: { pg1: `${root}/pg1`, pg2: `${root}/pg2` }, primary: 'pg1',
  }
  const servers = allServers(elsewhere)
  const control = (name: typeof keptServers[number]): ProcessControl => servers.find(server => server.name === name)!.control
  const database = alone(control('pg1'))
  const api = lab.api!
  const here = (path: string): string => `${root}${path.slice(layout.base.length)}`
  const accounts = Object.fromEntries(Object.entries(api.accounts!).map(([role, { email, password }]) => [role, { email, password: `file:${here(password.slice('file:'.length))}` }]))
  const instances = (['api1', 'api2'] as const).map(name => ({ name, url: `http://127.0.0.1:${own[name]}/readyz`, control: control(name) }))
  const cache: ProcessControl = { ...control('redis1'), start: { ...control('redis1').start, args: [...control('redis1').start.args, '--replicaof', 'no', 'one'] } }
  return {
    name: `${layout.name}-spare`,
    title: `An empty machine, on which lab ${layout.name} can come up from its backups`,
    tier: 'spare',
    // A segment that is not full is archived after a minute.
    objectives: { rto: '4h', rpo: '2m' },
    api: {
      url: `https://127.0.0.1:${own.https}`,
      caFile: here(api.caFile!),
      instances,
      plainUrl: `http://127.0.0.1:${own.http}`,
      accounts,
      customer: { ...api.customer!, password: accounts.drill!.password },
    },
    cache: { nodes: [{ name: 'redis1', host: '127.0.0.1', port: own.redis1, control: cache }], endpoint: { host: '127.0.0.1', port: own.redis1 } },
    backup: { ...lab.backup!, configFile: here(lab.backup!.configFile), scratchDir: `${root}/scratch` },
    recovery: labRecovery(layout, allServers(layout), root),
    rebuild: {
      root,
      folders: ['run', 'log', 'tmp', 'ngx', 'scratch'],
      ...(layout.user ? { runAs: layout.user } : {}),
      moved: moved(layout, own),
      verbatim: [`${layout.base}/secrets`, `${layout.base}/tls`],
      database: { dataDir: elsewhere.dataDirs.pg1, socketDir: `${root}/run`, port: own.pg1, control: database, logFile: `${root}/log/pg1.log` },
      cache: { dataDir: `${root}/redis1`, host: '127.0.0.1', port: own.redis1, control: cache },
      services: [
        { name: 'haproxy', control: control('haproxy'), ports: [own.database, own.haproxyStats], ready: `http://127.0.0.1:${own.haproxyStats}/metrics` },
        ...instances.map(({ name, url, control }) => ({ name, control, ports: [own[name as 'api1' | 'api2']], ready: url })),
        { name: 'nginx', control: control('nginx'), ports: [own.https, own.http] },
      ],
      source: { database: lab.database!, backup: lab.backup! },
    },
    ...(lab.smoke ? { smoke: lab.smoke } : {}),
  }
}

/** A server that archives nothing, follows nobody and waits for nobody, and whose log can be read by a machine. */
function alone (control: ProcessControl): ProcessControl {
  const settings = {
    archive_mode: 'off', synchronous_standby_names: '', primary_conninfo: '', primary_slot_name: '', log_timezone: 'UTC', lc_messages: 'C', log_destination: 'stderr', logging_collector: 'off',
  }
  return { ...control, start: { ...control.start, args: [...control.start.args, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])] } }
}

/** The lab's folder and every one of its ports, as the spare calls them. The backups stay where they are. */
function moved ({ base, ports }: Layout, own: ReturnType<typeof sparePorts>): Moved[] {
  const instead: Partial<Ports> = { ...own, ...Object.fromEntries(nodeNames.map(node => [node, own.pg1])), redis2: own.redis1, apiToDatabase: own.database, apiToRedis: own.redis1 }
  return [
    { from: `${base}/backup`, to: `${base}/backup` },
    { from: base, to: spareRoot(base) },
    ...portNames.map(name => ({ from: String(ports[name]), to: String(instead[name] ?? nowhere) })),
  ]
}
