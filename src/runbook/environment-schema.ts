import Type from 'typebox'
import { watchUnits, type Backup, type Control, type LoadAllowance } from '../drill/environment.js'
import { closed, flag, list, matching, name, oneOf, table, text } from './pieces.js'
import { durationPattern } from '../drill/duration.js'

/** The components of a system under drill. */

const host = text('Host name or address, as the worker of this environment sees it.')
const port = Type.Integer({ minimum: 1, maximum: 65535, description: 'TCP port.', errorMessage: 'a port from 1 to 65535' })
const url = (description: string) => Type.String({ pattern: '^https?://[^\\s]+$', maxLength: 2000, description, errorMessage: 'an address that starts with http:// or https://' })
const servicePath = Type.String({ pattern: '^/', maxLength: 500, description: 'Its path below the service’s address.', errorMessage: 'a path that begins with /' })
const absolutePath = (description: string) => Type.String({ pattern: '^/', maxLength: 1000, description, errorMessage: 'an absolute path' })
export const secret = (description: string) => Type.String({ pattern: '^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$', maxLength: 1000, description, writeOnly: true, errorMessage: 'a reference, env:NAME or file:/PATH, never the secret itself' })
const plainDuration = (description: string) => Type.String({ pattern: durationPattern.source, description, errorMessage: 'a duration, for example 500ms, 30s, 5m, 4h' })
const strings = (description: string) => Type.Record(Type.String(), Type.String(), { description, propertyNames: { pattern: '^[^\\n]+$' } })

export const objectiveFields = {
  rto: plainDuration('Recovery time objective: the longest outage that is acceptable.'),
  rpo: plainDuration('Recovery point objective: how much committed data may be lost, as a time. `0s`: no acknowledged write.'),
}

const tools = table(closed({
  path: absolutePath('The program.'),
  env: Type.Optional(strings('Its environment variables.')),
}), 'The allow-list: the programs that may be run beside this component, by name.')

const processControl = closed({
  kind: Type.Literal('process', { description: 'A process of the machine that the worker runs on.' }),
  pidFile: absolutePath('File whose first line is the process id.'),
  match: text('Text that must stand in the process’s command line, so that a recycled id is never signalled: a path of yours.'),
  start: closed({
    command: absolutePath('The program that starts it.'),
    args: list(Type.String(), 'Its arguments.'),
    cwd: Type.Optional(absolutePath('Directory to start in.')),
    env: Type.Optional(strings('Environment variables.')),
    uid: Type.Optional(Type.Integer({ minimum: 0, description: 'User id to start as.' })),
    gid: Type.Optional(Type.Integer({ minimum: 0, description: 'Group id to start as.' })),
    log: Type.Optional(absolutePath('File for what it writes.')),
  }, 'How it is started.'),
  stopSignal: Type.Optional(oneOf(['SIGTERM', 'SIGINT', 'SIGQUIT'], 'Signal of an orderly stop.', 'SIGTERM')),
  blockFile: Type.Optional(absolutePath('File that the start needs. A fenced component has it renamed to NAME.blocked, so that nobody can start it.')),
  staleFiles: Type.Optional(list(absolutePath('A file.'), 'Files that an unclean death leaves and that prevent a restart. Removed before a start, once the process is proven dead.')),
  tools: Type.Optional(tools),
}, 'A process of the machine that the worker runs on.')

const dockerControl = closed({
  kind: Type.Literal('docker', { description: 'A container of the Docker engine beside the worker.' }),
  socket: Type.Optional(Type.String({ pattern: '^/', maxLength: 1000, description: 'Unix socket of the engine.', default: '/var/run/docker.sock', errorMessage: 'an absolute path' })),
  labels: Type.Record(Type.String(), Type.String(), { description: 'The container that carries all of these labels; exactly one must.', propertyNames: { pattern: '^[^\\n]+$' }, minProperties: 1 }),
  tools: Type.Optional(tools),
}, 'A container of the Docker engine beside the worker.')

export const ControlSchema = matching<Control>()(Type.Unsafe<Control>({
  oneOf: [processControl, dockerControl],
  type: 'object',
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  description: 'How Muster reaches the machine or process behind the component.',
} as object))
// The union above is written by hand for its discriminator: its branches are proven one by one.
matching<Extract<Control, { kind: 'process' }>>()(processControl)
matching<Extract<Control, { kind: 'docker' }>>()(dockerControl)

export const LinkSchema = closed({
  toxiproxy: url('Address of Toxiproxy’s API.'),
  proxy: text('Name of the proxy there.'),
}, 'A link that a drill may cut: one proxy of a Toxiproxy.')

const links = table(LinkSchema, 'Links that a drill may cut, by name.')

const postgresNode = closed({
  name: name('Name of the node; HAProxy’s server has the same.'),
  host,
  port,
  user: text('A role that may promote, checkpoint, read the WAL directory and set synchronous_standby_names.'),
  password: Type.Optional(secret('Its password.')),
  database: text('Database to connect to.'),
  dataDir: absolutePath('Data directory.'),
  configFile: Type.Optional(absolutePath('Configuration file, where it lies outside the data directory.')),
  slot: text('Replication slot that this node uses on the other one as its standby.'),
  rewindUser: Type.Optional(text('A role on the other node that pg_rewind may connect as.')),
  control: ControlSchema,
}, 'One PostgreSQL server.')

const identifier = (description: string) => Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_$]{0,62}$', description, errorMessage: 'a name of the database, without quotes' })

export const ColumnSchema = closed({
  name: name('How runbooks name it.'),
  table: Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_$]{0,62}(\\.[A-Za-z_][A-Za-z0-9_$]{0,62})?$', description: 'Its table, with its schema where that is not `public`.', errorMessage: 'a table, or schema.table, without quotes' }),
  key: identifier('Column that tells the rows apart.'),
  column: identifier('The column.'),
  damagedTo: Type.Number({ description: 'What a damaged row holds, and nearly no good one.' }),
}, 'A column of numbers that a recovery drill may damage, and of which rows can be handed back from a copy.')

export const DatabaseSchema = closed({
  endpoint: closed({
    host,
    port,
    user: text('Role of the application.'),
    password: Type.Optional(secret('Its password.')),
    database: text('Database of the application.'),
  }, 'The door that the application writes through, and so the probe and the canaries.'),
  nodes: list(postgresNode, 'The servers: the first is the home primary, the second its standby.', { minItems: 2, maxItems: 9 }),
  loadBalancer: closed({
    socket: absolutePath('HAProxy’s admin socket.'),
    backend: text('Its backend; the servers in it have the nodes’ names.'),
    stateFile: Type.Optional(absolutePath('File that HAProxy loads at start, so that a restart keeps a switch.')),
  }, 'HAProxy, in front of the servers.'),
  synchronous: Type.Boolean({ description: 'Whether commits wait for the standby: what the configuration promises.' }),
  swappedRolesAllowed: Type.Optional(flag('Whether a drill may leave the roles swapped. Otherwise it fails back.')),
  links: Type.Optional(links),
  invariants: Type.Optional(list(closed({
    name: text('What must hold.'),
    sql: text('A query that answers one row with one boolean.'),
  }), 'Business invariants, asked through the endpoint.')),
  columns: Type.Optional(list(ColumnSchema, 'Columns that a recovery drill may damage, and of which rows can be handed back from a copy.')),
}, 'The database under drill.')

export const CacheSchema = closed({
  nodes: list(closed({
    name: name('Name of the node.'),
    host,
    port,
    password: Type.Optional(secret('Its password.')),
    follows: Type.Optional(closed({ host, port }, 'Where this node reaches the other one when it follows it. Default: the other one’s own address.')),
    control: ControlSchema,
  }, 'One Redis server. However it is started it must come up as a replica (`replicaof` in its configuration), so that nothing but an explicit command makes a primary.'), 'The servers: the first is the home primary, the second its replica.', { minItems: 1 }),
  endpoint: closed({ host, port, password: Type.Optional(secret('Password of the servers behind it.')) }, 'Where the application reaches it.'),
  loadBalancer: Type.Optional(LinkSchema),
  links: Type.Optional(links),
  pages: Type.Optional(list(closed({
    name: text('What it is.'),
    path: servicePath,
    sql: text('The truth: a query at the database’s endpoint that answers one row with one value, the JSON of the page.'),
  }), 'Pages of the service that come out of the cache. `X-Cache: hit` on an answer says that it did.')),
}, 'The cache.')

export const ApiSchema = closed({
  url: Type.String({ pattern: '^(https?://[^\\s]+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 2000, description: 'Where its users reach it; `env:NAME` where that stands in a variable.', errorMessage: 'an address that starts with http:// or https://, or env:NAME' }),
  caFile: Type.Optional(absolutePath('Certificate authority of that address, a file on the worker.')),
  instances: list(closed({ name: name('Name of the instance.'), url: url('Its own address.'), control: ControlSchema }, 'One instance.'), 'The instances behind it; none where they are not yours to see.'),
  plainUrl: Type.Optional(url('The same without encryption: it must lead to `url`.')),
  token: Type.Optional(secret('A token that reads, for services whose tokens are given out by hand.')),
  customer: Type.Optional(closed({
    email: text('Who it is.'),
    password: secret('Its password.'),
    products: list(Type.Integer({ minimum: 1 }), 'Ids of six products of which there is plenty: what is ordered of each tells one order of a drill from another.', { minItems: 6, maxItems: 6 }),
  }, 'A customer that exists for drills, at a service that speaks as the lab’s storefront does (docs/lab.md). Its orders stay.')),
  limit: Type.Optional(closed({
    path: servicePath,
    field: text('The field of its JSON body that tells one caller from another.'),
  }, 'A POST that is refused with 429 and `Retry-After` when it comes too often for one value of a field, and has no other effect for one that nobody has: a drill calls it as `ID@drill.example`.')),
  accounts: Type.Optional(table(closed({ email: text('Mail address to log in with.'), password: secret('Its password.') }), 'Synthetic people whom smoke checks and load log in as, by role: `customer`, `admin`.')),
}, 'The service in front of the database.')

export const MonitoringSchema = closed({
  prometheus: url('Address of Prometheus.'),
  alertmanager: Type.Optional(url('Address of Alertmanager.')),
  alertReceiver: Type.Optional(Type.String({ pattern: '^[^\\s:/]+:\\d{1,5}$', description: 'Where, on the worker, Alertmanager delivers alerts that carry the label `muster_smoke`.', errorMessage: 'host:port' })),
  grafana: Type.Optional(closed({ url: url('Address of Grafana.'), token: Type.Optional(secret('Token of a service account that reads data sources.')) }, 'Grafana.')),
  logs: Type.Optional(closed({ url: url('Its address.'), index: name('Index that is written to and searched.'), token: Type.Optional(secret('Sent as a bearer token.')) }, 'A log store that speaks Elasticsearch’s protocol.')),
}, 'What watches the system.')

export const LoadAllowanceSchema = matching<LoadAllowance>()(closed({
  hosts: list(Type.String({ pattern: '^[A-Za-z0-9.:-]+$', maxLength: 253, description: 'A name or an address.', errorMessage: 'the name or address of a host, without scheme and port' }), 'The hosts that may be loaded, and no others.', { minItems: 1 }),
  requestsPerSecond: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000, default: 500, description: 'Most requests a second.', errorMessage: 'a whole number from 1 to 5000' })),
  runTime: Type.Optional(Type.String({ pattern: durationPattern.source, default: '2h', description: 'Longest run.', errorMessage: 'a duration, for example 500ms, 30s, 5m, 4h' })),
  watch: Type.Optional(list(closed({
    name: text('What it is, for people.'),
    query: text('PromQL that gives one series.'),
    unit: oneOf(watchUnits, 'Its unit; a ratio is from 0 to 1.'),
  }), 'Series of Prometheus that are read for the time of a run.', { maxItems: 30 })),
}, 'What load may be put on it; without it none.'))
export const BackupSchema = matching<Backup>()(closed({
  stanza: text('pgBackRest’s stanza.'),
  configFile: absolutePath('pgBackRest’s configuration, on the machine of the worker.'),
  cipherPass: Type.Optional(secret('Passphrase of the repository, where the configuration does not hold it.')),
  scratchDir: absolutePath('Folder that copies are restored to, and nothing else. It belongs to the user below.'),
  runAs: Type.Optional(closed({
    uid: Type.Integer({ minimum: 1, description: 'User id; not root, for PostgreSQL refuses it.' }),
    gid: Type.Integer({ minimum: 1, description: 'Group id.' }),
  }, 'The user of pgBackRest and of the copies’ servers, where the worker is root.')),
  tools: table(closed({ path: absolutePath('The program.'), env: Type.Optional(strings('Its environment variables.')) }), 'Programs by name: pgbackrest, postgres, pg_controldata, pg_waldump, pg_amcheck, pg_checksums, pg_dump.'),
  policy: closed({
    maxAge: plainDuration('The newest backup of any type is at most this old …'),
    fullMaxAge: plainDuration('… and the newest full one this.'),
    sizeFactor: Type.Optional(Type.Number({ minimum: 1, description: 'How much the size of the newest backup may differ from the median of the earlier ones of its type, as a factor. Default `3`.' })),
    timeFactor: Type.Optional(Type.Number({ minimum: 1, description: 'How much longer than the median of the earlier ones of its type the newest backup may take, as a factor, where it takes more than a minute. Default `5`.' })),
  }, 'How old backups may be.'),
}, 'The database’s backups, as the machine of the worker reaches them.'))

export const VolumesSchema = table(closed({ path: absolutePath('Its mount point.') }, 'A file system of the machine that the worker runs on. A drill fills it only where it is one of its own.'), 'File systems that a full disk would hurt, by name: `data`, `wal`, `log`, `repository`.')
