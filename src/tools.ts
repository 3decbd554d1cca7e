/**
 * The servers and tools that `npm run setup` found or fetched: absolute paths out of its manifest, so that a drill
 * never depends on the PATH of whoever started the worker.
 */
import { accessSync, constants, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { DrillError } from './errors.js'

export interface Tool {
  /** Absolute; runs without any environment (where a library lies in the cache, this is a wrapper that knows it). */
  path: string
  version: string
  /** What the program's environment must hold besides; mostly nothing. */
  env: Record<string, string>
}

export const toolNames = [
  'postgres', 'initdb', 'pg_basebackup', 'pg_rewind', 'pg_controldata', 'pg_waldump', 'pg_amcheck', 'pg_ctl', 'psql',
  'pgbackrest', 'redisServer', 'redisCli', 'nginx', 'haproxy', 'prometheus', 'alertmanager', 'postgresExporter',
  'redisExporter', 'nodeExporter', 'toxiproxy', 'temporal', 'openssl', 'redisCheckRdb', 'redisCheckAof', 'restic', 'age', 'ageKeygen',
  'rsync', 'mtree', 'getfacl', 'setfacl', 'getfattr', 'setfattr',
] as const

export type ToolName = typeof toolNames[number]
export type Tools = Record<ToolName, Tool>

/** The same rule as scripts/setup/cache.mjs. */
export function toolCache (env: NodeJS.ProcessEnv = process.env): string {
  if (env.MUSTER_CACHE) return resolve(env.MUSTER_CACHE)
  if (process.getuid?.() === 0) return '/var/cache/muster'
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'muster')
}

/**
 * All tools, or those that are named: `findTools('temporal').temporal`. With TEMPORAL_ADDRESS a Temporal runs already,
 * so setup fetches no CLI and only asking for it is an error.
 */
export function findTools (...wanted: ToolName[]): Tools {
  const path = join(toolCache(), 'tools.json')
  const manifest = read(path)
  const tools = {} as Tools
  for (const name of wanted.length > 0 ? wanted : toolNames) {
    const find = () => checked(name, manifest[name], path)
    if (name === 'temporal' && wanted.length === 0 && process.env.TEMPORAL_ADDRESS) {
      Object.defineProperty(tools, name, { get: find })
    } else {
      tools[name] = find()
    }
  }
  return tools
}

function read (path: string): Partial<Tools> {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { tools: Partial<Tools> }).tools
  } catch (cause) {
    throw new DrillError('tools.missing', `There is no list of tools at ${path}: run \`npm run setup\` as this user`, { cause })
  }
}

function checked (name: ToolName, tool: Tool | undefined, path: string): Tool {
  if (tool === undefined) throw new DrillError('tools.missing', `${name} is not in ${path}: run \`npm run setup\``)
  try {
    accessSync(tool.path, constants.X_OK)
  } catch (cause) {
    throw new DrillError('tools.missing', `${name} is no longer at ${tool.path}: run \`npm run setup\``, { cause })
  }
  return { path: tool.path, version: tool.version, env: tool.env }
}
