import Type from 'typebox'
import { durationPattern } from '../drill/duration.js'
import type { CacheStore, FileStore, Recovery, SealedConfiguration } from '../drill/recovery.js'
import { closed, list, matching, table, text } from './pieces.js'

/** What is backed up beside the database, and where. */

const absolutePath = (description: string) => Type.String({ pattern: '^/', maxLength: 1000, description, errorMessage: 'an absolute path' })
const secret = (description: string) => Type.String({ pattern: '^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$', maxLength: 1000, description, writeOnly: true, errorMessage: 'a reference, env:NAME or file:/PATH, never the secret itself' })
const age = Type.String({ pattern: durationPattern.source, description: 'How old the newest backup may be.', errorMessage: 'a duration, for example 30m, 26h' })
const publicKey = (description: string) => Type.String({ pattern: '^age1[a-z0-9]{58}$', description, errorMessage: 'a public key of age: age1…' })
const tools = (which: string) => table(closed({
  path: absolutePath('The program.'),
  env: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Its environment variables.', propertyNames: { pattern: '^[^\\n]+$' } })),
}), `The allow-list: the programs that may be run on the worker’s machine, by name: ${which}.`)
const user = closed({
  uid: Type.Integer({ minimum: 0, description: 'User id.' }),
  gid: Type.Integer({ minimum: 0, description: 'Group id.' }),
}, 'The user of a scratch server, where the worker is root.')

export const FileStoreSchema = matching<FileStore>()(closed({
  paths: list(absolutePath('A folder.'), 'The folders that are backed up.', { minItems: 1 }),
  repository: absolutePath('Folder of the restic repository.'),
  password: secret('Its password.'),
  scratchDir: absolutePath('Folder for copies; its own, and made where it is missing.'),
  maxAge: age,
  exceptions: Type.Optional(list(closed({
    path: absolutePath('The file; with a / at its end, everything under it.'),
    reason: text('Why it need not come back as it was.'),
  }), 'What need not come back as it was.')),
  tools: tools('restic, mtree, getfacl, getfattr, rsync'),
}, 'Application files and static assets, in a restic repository.'))

export const ConfigurationSchema = matching<SealedConfiguration>()(closed({
  paths: list(absolutePath('A file or a folder.'), 'What is sealed: environment variables, compose files, certificates, passwords.', { minItems: 1 }),
  file: absolutePath('The sealed file.'),
  recipients: closed({
    operator: publicKey('Public key of whoever operates the system.'),
    escrow: publicKey('Public key of the escrow, which outlives everybody.'),
  }, 'Whose keys open it.'),
  identity: secret('The secret key that opens it: the escrow’s, for a drill that proves something.'),
  memoryDir: Type.Optional(Type.String({ pattern: '^/', maxLength: 1000, description: 'Folder of a memory file system for what is opened.', default: '/dev/shm', errorMessage: 'an absolute path' })),
  tools: tools('age, tar'),
}, 'Configuration and secrets, in one file that is sealed to two keys.'))

export const CacheStoreSchema = matching<CacheStore>()(closed({
  host: text('Host of the Redis server that is backed up. Its data folder is read on the worker’s machine.'),
  port: Type.Integer({ minimum: 1, maximum: 65535, description: 'Its port.', errorMessage: 'a port from 1 to 65535' }),
  password: Type.Optional(secret('Its password.')),
  repository: absolutePath('Folder of the restic repository.'),
  repositoryPassword: secret('The repository’s password.'),
  scratchDir: absolutePath('Folder for copies; its own, and made where it is missing.'),
  maxAge: age,
  runAs: Type.Optional(user),
  tools: tools('restic, redis-server, redis-check-rdb, redis-check-aof'),
}, 'A Redis server’s data, in a restic repository.'))

export const RecoverySchema = matching<Recovery>()(closed({
  files: Type.Optional(FileStoreSchema),
  configuration: Type.Optional(ConfigurationSchema),
  cache: Type.Optional(CacheStoreSchema),
}, 'What is backed up beside the database, and where.'))
