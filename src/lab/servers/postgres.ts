import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { serverEnvironment, shellCommand, type Layout, type NodeName, type Server } from '../layout.js'

export const stanza = 'lab'

/**
 * One node of the pair. Its configuration lies outside the data directory, because pg_rewind copies the other node's; only
 * `standby.signal` decides the role.
 */
export function postgresServer (layout: Layout, node: NodeName): Server {
  const { base, ports, tools, user } = layout
  const file = `${base}/conf/${node}.conf`
  const dataDir = layout.dataDirs[node]
  const peerLink = node === 'pg1' ? ports.pg2ToPg1 : ports.pg1ToPg2
  const archive = `${shellCommand(tools.pgbackrest)} --config=${base}/conf/pgbackrest-${node}.conf --stanza=${stanza}`
  const text = `data_directory='${dataDir}'
include '${base}/conf/common.conf'
port=${ports[node]}
cluster_name='${node}'
primary_slot_name='${node}'
primary_conninfo='host=127.0.0.1 port=${peerLink} user=repl application_name=${node} connect_timeout=2'
archive_command='${archive} archive-push %p'
restore_command='${archive} archive-get %f "%p"'
`
  const socket = `${base}/run/.s.PGSQL.${ports[node]}`
  return {
    name: node,
    port: ports[node],
    files: {
      [file]: text,
      [`${base}/conf/common.conf`]: commonConfiguration(layout),
      [`${base}/conf/pg_hba.conf`]: accessRules,
      [`${base}/conf/pg_ident.conf`]: '',
      ...backupConfiguration(layout),
    },
    control: {
      kind: 'process',
      pidFile: `${dataDir}/postmaster.pid`,
      match: file,
      start: {
        command: tools.postgres.path,
        args: ['-c', `config_file=${file}`],
        cwd: base,
        env: serverEnvironment(layout, tools.postgres),
        ...user,
        log: `${base}/log/${node}.log`,
      },
      stopSignal: 'SIGINT',
      blockFile: file,
      staleFiles: [`${dataDir}/postmaster.pid`, socket, `${socket}.lock`],
      tools: postgresTools(layout),
    },
    answers: async () => {
      const client = new pg.Client({ host: '127.0.0.1', port: ports[node], user: 'postgres', database: 'postgres', connectionTimeoutMillis: 500, query_timeout: 1_000 })
      client.on('error', () => {})
      try {
        await client.connect()
        await client.query('select 1')
        return true
      } catch {
        return false
      } finally {
        await client.end().catch(() => {})
      }
    },
  }
}

function postgresTools ({ tools }: Layout): Record<string, { path: string, env?: Record<string, string> }> {
  const allowed = { pg_rewind: tools.pg_rewind, pg_controldata: tools.pg_controldata, pg_waldump: tools.pg_waldump, pgbackrest: tools.pgbackrest }
  const checksums = join(dirname(tools.postgres.path), 'pg_checksums')
  return {
    ...Object.fromEntries(Object.entries(allowed).map(([name, { path, env }]) => [name, { path, env }])),
    ...(existsSync(checksums) ? { pg_checksums: { path: checksums, env: tools.postgres.env } } : {}),
  }
}

/** What makes and tries backups. Some are not on the list of what was set up, and lie beside those that are. */
export function backupTools ({ tools }: Layout): Record<string, { path: string, env?: Record<string, string> }> {
  const known = (['pgbackrest', 'postgres', 'pg_controldata', 'pg_waldump', 'pg_amcheck'] as const).map((name) => [name, { path: tools[name].path, env: tools[name].env }])
  const { path: server, env } = tools.postgres
  const beside = ['pg_checksums', 'pg_dump'].map((name) => [name, { path: join(dirname(server), name), env }] as const).filter(([, { path }]) => existsSync(path))
  return Object.fromEntries([...known, ...beside])
}

const accessRules = `local all all trust
host all all 127.0.0.1/32 trust
local replication all trust
host replication all 127.0.0.1/32 trust
`

function commonConfiguration ({ base, volumes }: Layout): string {
  // What a volume of WAL holds without a drill must leave room on it.
  const [keep, slots, min, max] = volumes ? ['32MB', '64MB', '2MB', '32MB'] : ['256MB', '1GB', '64MB', '256MB']
  return `listen_addresses='127.0.0.1'
unix_socket_directories='${base}/run'
hba_file='${base}/conf/pg_hba.conf'
ident_file='${base}/conf/pg_ident.conf'
shared_buffers=32MB
max_connections=60
# Files in the data directory instead of /dev/shm: nothing stays behind there when a server is killed.
dynamic_shared_memory_type=mmap
wal_log_hints=on
track_commit_timestamp=on
wal_keep_size=${keep}
max_slot_wal_keep_size=${slots}
min_wal_size=${min}
max_wal_size=${max}
wal_sender_timeout=2s
wal_receiver_timeout=2s
wal_receiver_status_interval=1s
wal_retrieve_retry_interval=200ms
archive_mode=on
archive_timeout=60s
log_line_prefix='%m [%p] '
`
}

/** Three files: archiving names its own node as `pg1`, the stanza names both; one for all fails on the standby. */
function backupConfiguration ({ base, ports, dataDirs, passphrase }: Layout): Record<string, string> {
  const repository = `[global]
repo1-path=${base}/backup/repo
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=${passphrase}
log-path=${base}/backup
lock-path=${base}/backup
spool-path=${base}/backup
log-level-file=off
repo1-retention-full=2
compress-type=zst
process-max=2
start-fast=y
archive-timeout=30
[${stanza}]
`
  const node = (index: number, name: NodeName): string =>
    `pg${index}-path=${dataDirs[name]}\npg${index}-port=${ports[name]}\npg${index}-socket-path=${base}/run\npg${index}-user=postgres\n`
  return {
    [`${base}/conf/pgbackrest-pg1.conf`]: repository + node(1, 'pg1'),
    [`${base}/conf/pgbackrest-pg2.conf`]: repository + node(1, 'pg2'),
    [`${base}/conf/pgbackrest.conf`]: repository + node(1, 'pg1') + node(2, 'pg2'),
  }
}
