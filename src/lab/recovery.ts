import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { writeOwned } from './base.js'
import type { Recovery, ToolTable } from '../drill/recovery.js'
import type { Layout, Server } from './layout.js'
import { runTool } from './run.js'

/** The servers without which there is no shop: their configuration is what a new machine needs. */
export const keptServers = ['pg1', 'redis1', 'haproxy', 'api1', 'api2', 'nginx'] as const

/** Makes the keys and the password of the lab's backups, unless they are there. The keys lie outside of what is backed up. */
export async function makeBackupKeys (layout: Layout): Promise<void> {
  const { base, tools, user } = layout
  for (const who of ['operator', 'escrow'] as const) {
    const file = keyFile(base, who)
    if (!existsSync(file)) writeOwned(file, await runTool(layout, tools.ageKeygen, []), 0o600, undefined)
  }
  const password = passwordFile(base)
  if (!existsSync(password)) writeOwned(password, `${randomBytes(24).toString('base64url')}\n`, 0o600, user)
}

/**
 * The passphrase of pgBackRest's repository, made at the first start of a lab: without it the repository is lost. Nobody but who starts
 * labs reads this file; everybody else, and a new machine, has it from pgBackRest's configuration. Of digits and letters alone, so that
 * no word of it is taken for what is called otherwise on the spare.
 */
export function makePassphrase (base: string): string {
  const file = `${base}/secrets/repository-passphrase`
  if (!existsSync(file)) writeOwned(file, `${randomBytes(32).toString('hex')}\n`, 0o600, undefined)
  return readFileSync(file, 'utf8').trim()
}

/**
 * What of a lab is backed up beside its database, and where. The sealed configuration holds the password of restic's repositories, and in
 * pgBackRest's configuration the passphrase of its: with the escrow's key it is all that a new machine starts from.
 * @param at folder in which copies are made, and where the password lies
 */
export function labRecovery ({ base, ports, tools, user }: Layout, servers: Server[], at = base): Recovery {
  const table = (names: Record<string, keyof typeof tools>): ToolTable =>
    Object.fromEntries(Object.entries(names).map(([name, tool]) => [name, { path: tools[tool].path, env: tools[tool].env }]))
  const password = `file:${passwordFile(at)}`
  return {
    files: {
      paths: [`${base}/assets`],
      repository: `${base}/backup/files`,
      password,
      scratchDir: `${at}/scratch`,
      maxAge: '26h',
      tools: table({ restic: 'restic', mtree: 'mtree', getfacl: 'getfacl', getfattr: 'getfattr', rsync: 'rsync' }),
    },
    configuration: {
      paths: [...servers.filter(({ name }) => (keptServers as readonly string[]).includes(name)).flatMap(({ files }) => Object.keys(files)), `${base}/secrets`, `${base}/tls`],
      file: `${base}/backup/configuration.age`,
      recipients: { operator: publicKey(base, 'operator'), escrow: publicKey(base, 'escrow') },
      identity: `file:${keyFile(base, 'escrow')}`,
      tools: { ...table({ age: 'age' }), tar: { path: '/bin/tar' } },
    },
    cache: {
      host: '127.0.0.1',
      port: ports.redis1,
      repository: `${base}/backup/cache`,
      repositoryPassword: password,
      scratchDir: `${at}/scratch`,
      maxAge: '26h',
      ...(user ? { runAs: user } : {}),
      tools: table({ restic: 'restic', 'redis-server': 'redisServer', 'redis-check-rdb': 'redisCheckRdb', 'redis-check-aof': 'redisCheckAof' }),
    },
  }
}

function keyFile (base: string, who: 'operator' | 'escrow'): string {
  return `${base}/escrow/${who}.key`
}

function passwordFile (base: string): string {
  return `${base}/secrets/repository-password`
}

function publicKey (base: string, who: 'operator' | 'escrow'): string {
  return /public key: (age1\w+)/.exec(readFileSync(keyFile(base, who), 'utf8'))?.[1] ?? ''
}
