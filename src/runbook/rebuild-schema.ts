import Type from 'typebox'
import type { Rebuild } from '../drill/rebuild.js'
import { BackupSchema, ControlSchema, DatabaseSchema, secret } from './environment-schema.js'
import { closed, list, matching, text } from './pieces.js'

/** How an environment comes up on an empty machine. */

const absolutePath = (description: string) => Type.String({ pattern: '^/', maxLength: 1000, description, errorMessage: 'an absolute path' })
const port = (description: string) => Type.Integer({ minimum: 1, maximum: 65535, description, errorMessage: 'a port from 1 to 65535' })

export const RebuildSchema = matching<Rebuild>()(closed({
  root: Type.String({ pattern: '^/[^/]', maxLength: 1000, description: 'Everything that is put on the machine lies below it. Absent or empty before, removed afterwards.', errorMessage: 'an absolute path, and not /' }),
  folders: list(Type.String({ pattern: '^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$', description: 'A folder below the root.', errorMessage: 'a relative path without dots' }), 'Folders that must be there before a server starts, below the root.'),
  runAs: Type.Optional(closed({
    uid: Type.Integer({ minimum: 1, description: 'User id; not root, for PostgreSQL refuses it.' }),
    gid: Type.Integer({ minimum: 1, description: 'Group id.' }),
  }, 'The user of folders and data, where the worker is root.')),
  moved: Type.Optional(list(closed({
    from: text('As it was called where it was backed up: a path, an address, a port.'),
    to: text('As it is called here.'),
  }), 'What is called otherwise here. Whole words of configuration files, and beginnings of paths; the longest first.')),
  verbatim: Type.Optional(list(absolutePath('A path of the sealed configuration.'), 'Paths whose text is placed to the letter, such as passwords.')),
  database: closed({
    dataDir: absolutePath('Data directory.'),
    socketDir: absolutePath('Folder of its socket.'),
    port: port('Its port.'),
    control: ControlSchema,
    logFile: absolutePath('What the server writes; recovery is proven from it.'),
  }, 'The database. Its server must write no archive, follow nobody and wait for nobody (`archive_mode=off`, empty `primary_conninfo` and `synchronous_standby_names`), and log in UTC and plain English with `log_line_prefix=%m [%p] `.'),
  cache: Type.Optional(closed({
    dataDir: absolutePath('Folder of its data.'),
    host: text('Where it answers.'),
    port: port('Its port.'),
    password: Type.Optional(secret('Its password.')),
    control: ControlSchema,
  }, 'The cache. Its server must follow nobody (`replicaof no one`).')),
  services: list(closed({
    name: text('Its name.'),
    control: ControlSchema,
    ports: list(port('A port.'), 'Every port that it listens on.', { minItems: 1 }),
    ready: Type.Optional(Type.String({ pattern: '^https?://[^\\s]+$', maxLength: 2000, description: 'What must be answered with 2xx. Without it its first port must accept a connection.', errorMessage: 'an address that starts with http:// or https://' })),
  }, 'A service.'), 'Everything else, in the order in which it is started.'),
  source: closed({ database: DatabaseSchema, backup: BackupSchema }, 'The living system that this one stands in for: it is asked, and never touched.'),
}, 'How this environment comes up on an empty machine from the backups of another one alone (full-restore).'))
