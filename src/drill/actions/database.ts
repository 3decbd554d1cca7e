import type { DatabaseCluster, GuardedColumn } from '../environment.js'
import type { ActionCatalog } from './facts.js'

/** What actions on a database and its endpoint take. */
export interface DatabaseInputs {
  'postgres.break': { database: DatabaseCluster, node: string, fault: 'kill' | 'kill-postmaster' | 'freeze' }
  'postgres.fence': { database: DatabaseCluster, node: string }
  'postgres.promote': { database: DatabaseCluster, node: string }
  'postgres.release': { database: DatabaseCluster }
  'postgres.turnWal': { database: DatabaseCluster, segments: number }
  'haproxy.switch': { database: DatabaseCluster, to: string }
  'rows.damage': { database: DatabaseCluster, column: GuardedColumn }
  /** Made by the drill itself for a runbook that observes canaries: the table they are written to. */
  'canaries.prepare': { database: DatabaseCluster }
}

export const databaseActions: ActionCatalog<DatabaseInputs> = {
  'postgres.break': {
    about: 'Breaks a PostgreSQL server: SIGKILL of the whole process tree (`kill`), of the postmaster alone (`kill-postmaster`), or SIGSTOP of the tree (`freeze`).',
    title: ({ node, fault }) => `${fault} PostgreSQL ${node}`,
    undoTitle: ({ node }) => `bring ${node} back: as it was, or as a standby where another node was promoted`,
    byHand: ({ node }) => `start PostgreSQL ${node}; if another node is primary now, pg_rewind ${node} from it first and start it as a standby`,
    isFault: true,
    isLeased: true,
    hits: ({ node }) => [{ kind: 'database', name: node }],
    timeout: '15s',
    undoTimeout: '60s',
  },
  'postgres.fence': {
    about: 'Makes sure that a server takes no write any more: HAProxy maintenance, sessions cut, every process dead, start prevented.',
    title: ({ node }) => `fence ${node}`,
    undoTitle: ({ node }) => `let ${node} start again: as primary where none was promoted, else as a standby`,
    byHand: ({ node }) => `rename the blocked configuration file of ${node} back, then bring it back as a standby of the present primary`,
    hits: ({ node }) => [{ kind: 'database', name: node }],
    timeout: '15s',
    undoTimeout: '60s',
  },
  'postgres.promote': {
    about: 'Promotes a standby. Refuses while any other node could still take writes.',
    title: ({ node }) => `promote ${node}`,
    undoTitle: ({ database }) => database.swappedRolesAllowed ? 'nothing: roles may stay swapped here' : `fail back to ${database.nodes[0]?.name ?? 'the home primary'}`,
    byHand: ({ database }) => `make ${database.nodes[0]?.name ?? 'the home primary'} a streaming standby, stop the present primary, promote it, and switch HAProxy`,
    timeout: '40s',
    undoTimeout: '90s',
  },
  'postgres.release': {
    about: 'Lets commits go on without the synchronous standby: what they write from then on is on one node alone.',
    title: () => 'let commits go on without the standby',
    undoTitle: () => 'make commits wait for the standby again, once it streams',
    byHand: ({ database }) => `on the primary: alter system set synchronous_standby_names = '${database.nodes[1]?.name ?? 'STANDBY'}'; select pg_reload_conf()`,
    timeout: '10s',
    undoTimeout: '60s',
  },
  'postgres.turnWal': {
    about: 'Closes WAL segments, one after another, so that the server must make new ones: what its traffic does in time. It ends early where the server does. Output: `closed`.',
    title: ({ segments }) => `close ${segments} WAL segments`,
    undoTitle: () => 'nothing: they are archived and used again',
    byHand: () => 'nothing is to be done',
    timeout: '60s',
    undoTimeout: '10s',
  },
  'haproxy.switch': {
    about: 'Moves the database endpoint to one server, ends sessions on the others, and keeps the switch over a restart of HAProxy.',
    title: ({ to }) => `move the database endpoint to ${to}`,
    undoTitle: () => 'point the database endpoint at whichever node is primary',
    byHand: ({ database }) => `on HAProxy’s socket ${database.loadBalancer.socket}: set server ${database.loadBalancer.backend}/NODE state ready for the primary, maint for the others`,
    timeout: '10s',
    undoTimeout: '20s',
  },
  'rows.damage': {
    about: 'Sets a column to one value in every row, as an `update` without its `where` does, and keeps what was there. Output: `xid`, `rows`.',
    title: ({ column }) => `set ${column.table}.${column.column} to ${column.damagedTo} in every row`,
    undoTitle: ({ column }) => `bring back what rows of ${column.table} held that are still damaged`,
    byHand: ({ database, column }) => `in database ${database.endpoint.database}: update ${column.table} t set ${column.column} = s.value from muster_damage.saved s where t.${column.key} = s.key and t.${column.column} = ${column.damagedTo}; then drop schema muster_damage cascade`,
    isFault: true,
    isLeased: true,
    timeout: '2m',
    undoTimeout: '2m',
  },
  'canaries.prepare': {
    about: 'Makes the table that canaries are written to.',
    title: () => 'make the canary table',
    undoTitle: () => 'drop the canary table',
    byHand: ({ database }) => `drop schema if exists muster_canary cascade, in database ${database.endpoint.database}`,
    timeout: '10s',
    undoTimeout: '20s',
  },
}
