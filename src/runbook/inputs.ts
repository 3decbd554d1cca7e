import Type, { type TSchema } from 'typebox'
import type { ActionInputs, ActionName } from '../drill/actions.js'
import { breakages } from '../drill/actions/links.js'
import type { CheckInputs, CheckName } from '../drill/checks.js'
import { CacheStoreSchema, ConfigurationSchema, FileStoreSchema } from './recovery-schema.js'
import { ApiSchema, BackupSchema, CacheSchema, ColumnSchema, ControlSchema, DatabaseSchema, LinkSchema, MonitoringSchema, VolumesSchema } from './environment-schema.js'
import { closed, flag, list, matching, oneOf, text } from './pieces.js'
import { RebuildSchema } from './rebuild-schema.js'
import { durationPattern } from '../drill/duration.js'

/** What `with` of each action and check holds once every lookup is filled in. */

const database = DatabaseSchema
const cache = CacheSchema
const instance = text('Name of an instance of the service.')
const cacheNode = text('Name of a node of the cache.')
const node = text('Name of a node of the database.')
const component = closed({ name: text('Its name.'), control: ControlSchema }, 'A component of the environment that has a control, for example `{{ env.cache.nodes.NAME }}`.')
const plainDuration = (description: string) => Type.String({ pattern: durationPattern.source, description, errorMessage: 'a duration, for example 500ms, 30s, 5m, 4h' })

const volumes = VolumesSchema
const volume = text('Name of a volume of the environment.')
const percent = (description: string) => Type.Integer({ minimum: 0, maximum: 100, description, errorMessage: 'a whole number from 0 to 100' })

const backup = BackupSchema
const target = closed({
  time: Type.Optional(text('An ISO time with its zone: all that was committed until then.')),
  xid: Type.Optional(text('A transaction, decimal.')),
  lsn: Type.Optional(text('A WAL position. The start of a commit record goes with inclusive, its end with exclusive.')),
  name: Type.Optional(text('A restore point.')),
  inclusive: Type.Optional(Type.Boolean({ description: 'Whether the target itself is in.', default: true })),
}, 'Where recovery stops: one of time, xid, lsn and name. Without a target it goes to the end of the archive.')
const copy = closed({
  dir: text('Its folder.'),
  dataDir: text('Its data directory.'),
  socketDir: text('The folder of its socket.'),
  port: Type.Optional(Type.Integer({ description: 'Of its socket’s name.' })),
  logFile: text('Its server’s log.'),
  set: text('The set that it was restored from.'),
  target: Type.Optional(closed({
    type: oneOf(['xid', 'lsn', 'name'], 'What kind of target.'), value: text('The target.'), inclusive: Type.Boolean(), proof: text('What the log must say.'), lsn: text('Where it lies.'), text: text('In words.'),
  })),
  timeline: Type.Integer({ description: 'PG timeline on which recovery was to end.' }),
  gap: Type.Optional(text('First segment that was missing.')),
  state: oneOf(['paused', 'promoted'], 'What it was to become.'),
  bytes: Type.Integer({ description: 'Of the cluster.' }),
  phases: list(closed({ name: text('Its name.'), ms: Type.Number(), bytes: Type.Optional(Type.Number()) }), 'How long each part of the restore took.'),
}, 'Output `copy` of an earlier backup.restore.')
const canary = closed({ xid: text('Its transaction.'), lsn: text('Where its commit record ends.'), segment: text('Its WAL segment.'), timeline: Type.Integer() }, 'Output `canary` of an earlier backup.archiving.')
const column = ColumnSchema
const xid = Type.String({ pattern: '^[1-9]\\d{0,19}$', description: 'The transaction that did the damage: output `xid` of an earlier rows.damaged.', errorMessage: 'a transaction, decimal' })

const actions = {
  'postgres.break': matching<ActionInputs['postgres.break']>()(closed({
    database,
    node,
    fault: oneOf(['kill', 'kill-postmaster', 'freeze'], 'SIGKILL of the whole process tree, SIGKILL of the postmaster alone, or SIGSTOP of the tree.'),
  })),
  'postgres.fence': matching<ActionInputs['postgres.fence']>()(closed({ database, node })),
  'postgres.promote': matching<ActionInputs['postgres.promote']>()(closed({ database, node })),
  'postgres.release': matching<ActionInputs['postgres.release']>()(closed({ database })),
  'postgres.turnWal': matching<ActionInputs['postgres.turnWal']>()(closed({ database, segments: Type.Integer({ minimum: 1, maximum: 1000, description: 'How many.', errorMessage: 'a whole number from 1 to 1000' }) })),
  'haproxy.switch': matching<ActionInputs['haproxy.switch']>()(closed({ database, to: text('Name of the node that the endpoint shall lead to.') })),
  'api.break': matching<ActionInputs['api.break']>()(closed({ api: ApiSchema, instance, fault: oneOf(['kill', 'hang'], 'SIGKILL or SIGSTOP.') })),
  'api.crashLoop': matching<ActionInputs['api.crashLoop']>()(closed({ api: ApiSchema, instance, for: plainDuration('How long it goes on, at most 60s.') })),
  'redis.break': matching<ActionInputs['redis.break']>()(closed({ cache, node: cacheNode, fault: oneOf(['kill', 'hang'], 'SIGKILL or SIGSTOP.') })),
  'redis.flush': matching<ActionInputs['redis.flush']>()(closed({ cache })),
  'redis.fence': matching<ActionInputs['redis.fence']>()(closed({ cache, node: cacheNode })),
  'redis.promote': matching<ActionInputs['redis.promote']>()(closed({ cache, node: cacheNode })),
  'redis.switch': matching<ActionInputs['redis.switch']>()(closed({ cache, to: text('Name of the node that the endpoint shall lead to.') })),
  'toxiproxy.cut': matching<ActionInputs['toxiproxy.cut']>()(closed({ link: LinkSchema })),
  'link.break': matching<ActionInputs['link.break']>()(closed({
    link: LinkSchema,
    how: oneOf(breakages, 'Connections end and new ones are refused; what is sent is swallowed; it arrives late; or some of its packets are lost.'),
    way: oneOf(['both', 'forth', 'back'], 'Both ways, or one: forth is from whoever opens the connection. A cut is always both.'),
    latency: Type.Optional(plainDuration('How late, for `how: latency`.')),
    loss: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'Percent of the packets that are lost, each by chance, for `how: loss`.' })),
  })),
  'disk.fill': matching<ActionInputs['disk.fill']>()(closed({
    volumes,
    volume,
    leave: percent('How many percent of it stay free.'),
    database: Type.Optional(DatabaseSchema),
  })),
  'component.kill': matching<ActionInputs['component.kill']>()(closed({ component })),
  'component.freeze': matching<ActionInputs['component.freeze']>()(closed({ component })),
  'files.backup': matching<ActionInputs['files.backup']>()(closed({ files: FileStoreSchema })),
  'files.restore': matching<ActionInputs['files.restore']>()(closed({
    files: FileStoreSchema,
    snapshot: Type.Optional(text('Id of the backup, or its beginning. Without it the newest.')),
  })),
  'configuration.seal': matching<ActionInputs['configuration.seal']>()(closed({ configuration: ConfigurationSchema })),
  'configuration.open': matching<ActionInputs['configuration.open']>()(closed({ configuration: ConfigurationSchema })),
  'cache.backup': matching<ActionInputs['cache.backup']>()(closed({ cache: CacheStoreSchema })),
  'cache.restore': matching<ActionInputs['cache.restore']>()(closed({
    cache: CacheStoreSchema,
    snapshot: Type.Optional(text('Id of the backup, or its beginning. Without it the newest.')),
  })),
  'backup.take': matching<ActionInputs['backup.take']>()(closed({
    backup,
    type: oneOf(['full', 'diff', 'incr'], 'What kind of backup.'),
    lockWithinMs: Type.Optional(Type.Integer({ minimum: 0, description: 'How long another run may hold the stanza, milliseconds. Default 10 minutes.' })),
  })),
  'backup.restore': matching<ActionInputs['backup.restore']>()(closed({
    backup,
    database,
    set: Type.Optional(text('Label of a set. Default: the newest sound one, or the newest before the target.')),
    target: Type.Optional(target),
    pause: Type.Optional(flag('Stays in recovery at its target, to be looked at; `copy.promote` goes on.')),
  })),
  'copy.promote': matching<ActionInputs['copy.promote']>()(closed({ copy, database, backup })),
  'rebuild.configure': matching<ActionInputs['rebuild.configure']>()(closed({ rebuild: RebuildSchema, folder: text('Where `configuration.open` put it: its output `folder`.') })),
  'rebuild.database': matching<ActionInputs['rebuild.database']>()(closed({ rebuild: RebuildSchema, backup })),
  'rebuild.files': matching<ActionInputs['rebuild.files']>()(closed({ rebuild: RebuildSchema, files: FileStoreSchema, folder: text('Where `files.restore` put them: its output `folder`.') })),
  'rebuild.cache': matching<ActionInputs['rebuild.cache']>()(closed({ rebuild: RebuildSchema, folder: text('Where `cache.restore` put it: its output `folder`.') })),
  'rebuild.services': matching<ActionInputs['rebuild.services']>()(closed({ rebuild: RebuildSchema })),
  'rows.damage': matching<ActionInputs['rows.damage']>()(closed({ database, column })),
  'rows.handBack': matching<ActionInputs['rows.handBack']>()(closed({ database, copy, column, xid })),
  'canaries.prepare': matching<ActionInputs['canaries.prepare']>()(closed({ database })),
}

const accounted = oneOf(['kept', 'lost', 'counted'], 'What must be so.')

const checks = {
  'postgres.steady': matching<CheckInputs['postgres.steady']>()(closed({ database })),
  'postgres.onePrimary': matching<CheckInputs['postgres.onePrimary']>()(closed({ database })),
  'link.broken': matching<CheckInputs['link.broken']>()(closed({
    link: LinkSchema,
    speaks: oneOf(['postgres', 'redis'], 'What stands behind it.'),
    atLeast: Type.Optional(plainDuration('An answer that is later than this counts as none, at most 60s.')),
    how: Type.Optional(oneOf(breakages, 'What the link was broken by. With loss, dropped packets are counted and late answers are looked for.')),
  })),
  'postgres.invariants': matching<CheckInputs['postgres.invariants']>()(closed({ database })),
  'postgres.outOfRoom': matching<CheckInputs['postgres.outOfRoom']>()(closed({ database })),
  'archiving.stuck': matching<CheckInputs['archiving.stuck']>()(closed({ database })),
  'disk.room': matching<CheckInputs['disk.room']>()(closed({ volumes, volume, atLeast: percent('How many percent of it must be free.') })),
  'disk.full': matching<CheckInputs['disk.full']>()(closed({ volumes, volume })),
  'canaries.compare': matching<CheckInputs['canaries.compare']>()(closed({
    database,
    failed: text('Name of the node that failed.'),
    promoted: text('Name of the node that was promoted; the failed one where it came back itself.'),
    faultAtMs: Type.Optional(Type.Number({ description: 'When the fault struck, epoch milliseconds. The drill fills it in.' })),
    rpo: Type.Optional(plainDuration('How much may be lost, as a time. The drill fills in its objective; without one, no acknowledged write.')),
  })),
  'http.ok': matching<CheckInputs['http.ok']>()(closed({
    url: Type.String({ pattern: '^https?://[^\\s]+$', description: 'The page.', errorMessage: 'an address that starts with http:// or https://' }),
    caFile: Type.Optional(text('Certificate authority, a file on the worker.')),
    timeout: Type.Optional(plainDuration('Longest wait for the answer.')),
    times: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'How many times in a row it must answer.', errorMessage: 'a whole number from 1 to 100' })),
    anyStatus: Type.Optional(Type.Boolean({ description: 'Any answer in time is good, whatever its status.' })),
  })),
  'api.ready': matching<CheckInputs['api.ready']>()(closed({ api: ApiSchema })),
  'api.down': matching<CheckInputs['api.down']>()(closed({ api: ApiSchema, instances: list(instance, 'The instances.', { minItems: 1 }) })),
  'alerts.quiet': matching<CheckInputs['alerts.quiet']>()(closed({
    monitoring: MonitoringSchema,
    except: Type.Optional(list(text('Name of an alert.'), 'Alerts that may fire.')),
  })),
  'files.fresh': matching<CheckInputs['files.fresh']>()(closed({ files: FileStoreSchema })),
  'files.sound': matching<CheckInputs['files.sound']>()(closed({ files: FileStoreSchema })),
  'files.equal': matching<CheckInputs['files.equal']>()(closed({
    files: FileStoreSchema,
    folder: text('Where `files.restore` put them: its output `folder`.'),
    source: Type.Optional(flag('Whether the source still stands, unchanged since the backup: it is compared with too.')),
  })),
  'configuration.equal': matching<CheckInputs['configuration.equal']>()(closed({
    configuration: ConfigurationSchema,
    folder: text('Where `configuration.open` put it: its output `folder`.'),
    live: Type.Optional(flag('Whether the system still stands: it is compared with too.')),
  })),
  'redis.steady': matching<CheckInputs['redis.steady']>()(closed({ cache })),
  'cache.warm': matching<CheckInputs['cache.warm']>()(closed({
    cache,
    api: ApiSchema,
    hitRatio: Type.Integer({ minimum: 1, maximum: 100, description: 'How many of a hundred answers must come out of the cache.', errorMessage: 'a whole number from 1 to 100' }),
    within: plainDuration('How long it may take to get there, at most 60s.'),
  })),
  'cache.consistent': matching<CheckInputs['cache.consistent']>()(closed({ cache, api: ApiSchema, database })),
  'sessions.account': matching<CheckInputs['sessions.account']>()(closed({ api: ApiSchema, expect: accounted })),
  'limit.spent': matching<CheckInputs['limit.spent']>()(closed({ api: ApiSchema })),
  'limit.account': matching<CheckInputs['limit.account']>()(closed({
    api: ApiSchema,
    spent: closed({ calls: Type.Integer({ minimum: 1, description: 'Calls until it was refused.' }), endsAtMs: Type.Number({ description: 'Epoch milliseconds.' }) }, 'Output of an earlier `limit.spent`.'),
    expect: accounted,
  })),
  'orders.account': matching<CheckInputs['orders.account']>()(closed({ api: ApiSchema })),
  'cache.fresh': matching<CheckInputs['cache.fresh']>()(closed({ cache: CacheStoreSchema })),
  'cache.sound': matching<CheckInputs['cache.sound']>()(closed({ cache: CacheStoreSchema, folder: text('Where `cache.restore` put it: its output `folder`.') })),
  'cache.equal': matching<CheckInputs['cache.equal']>()(closed({ cache: CacheStoreSchema, folder: text('Where `cache.restore` put it: its output `folder`.') })),
  'backup.fresh': matching<CheckInputs['backup.fresh']>()(closed({ database, backup })),
  'backup.verified': matching<CheckInputs['backup.verified']>()(closed({ backup })),
  'backup.continuous': matching<CheckInputs['backup.continuous']>()(closed({ database, backup })),
  'backup.archiving': matching<CheckInputs['backup.archiving']>()(closed({ database, backup, within: Type.Optional(plainDuration('How long the segment may take to get into the repository. Default `60s`.')) })),
  'backup.promise': matching<CheckInputs['backup.promise']>()(closed({ database, rpo: Type.Optional(plainDuration('How much may be lost. The drill fills in its objective; without one, no acknowledged write.')) })),
  'copy.proven': matching<CheckInputs['copy.proven']>()(closed({ copy, database, backup, canary: Type.Optional(canary), later: Type.Optional(canary) })),
  'copy.behind': matching<CheckInputs['copy.behind']>()(closed({ copy, database, backup, except: Type.Optional(xid) })),
  'copy.rows': matching<CheckInputs['copy.rows']>()(closed({ copy, database, column, xid, expect: oneOf(['whole', 'damaged'], 'Whether the copy lies before or behind the transaction.') })),
  'rows.damaged': matching<CheckInputs['rows.damaged']>()(closed({ database, column })),
  'rows.mended': matching<CheckInputs['rows.mended']>()(closed({ database, column, xid })),
  'copy.sound': matching<CheckInputs['copy.sound']>()(closed({ copy, database, backup })),
  'copy.timely': matching<CheckInputs['copy.timely']>()(closed({
    copy, rto: plainDuration('Recovery time objective of a restore.'), sizeBytes: Type.Optional(Type.Integer({ minimum: 1, description: 'Size of production’s cluster. Default: the copy’s own.' })),
  })),
  'rebuild.empty': matching<CheckInputs['rebuild.empty']>()(closed({ rebuild: RebuildSchema })),
  'rebuild.moment': matching<CheckInputs['rebuild.moment']>()(closed({ rebuild: RebuildSchema })),
  'rebuild.loss': matching<CheckInputs['rebuild.loss']>()(closed({
    rebuild: RebuildSchema,
    copy,
    lastWrite: closed({ xid: text('Its transaction.'), lsn: text('Where its commit record ends.'), committedAtMs: Type.Number({ description: 'Epoch milliseconds.' }) }, 'Output `lastWrite` of an earlier rebuild.moment.'),
    rpo: Type.Optional(plainDuration('How much may be lost, as a time. The drill fills in its objective; without one, no acknowledged write.')),
  })),
  'rebuild.timely': matching<CheckInputs['rebuild.timely']>()(closed({
    atMs: Type.Number({ description: 'Output `atMs` of an earlier rebuild.moment.' }),
    smoke: text('Verdict of the suite that was asked right before.'),
    rto: Type.Optional(plainDuration('Recovery time objective. The drill fills in its own.')),
  })),
}

export const actionSchemas: { [A in ActionName]: TSchema } = actions
export const checkSchemas: { [C in CheckName]: TSchema } = checks

/** Done by the drill itself around a runbook that observes canaries; a runbook may not name them. */
export const ownActions: readonly ActionName[] = ['canaries.prepare']
export const actionNames = (Object.keys(actionSchemas) as ActionName[]).filter(action => !ownActions.includes(action))
export const checkNames = Object.keys(checkSchemas) as CheckName[]
