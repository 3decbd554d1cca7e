import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import type { KeyDigest } from '../../src/drill/keys.js'
import { DrillError, messageOf } from '../../src/errors.js'

export interface RedisDoor { host: string, port: number, password?: string }

/** Keys that are compared at most: a huge cache is sampled, in the order in which Redis gives them. */
const maxKeys = 50_000
const batch = 500

/** One connection, closed whatever happens. Throws `component.unreachable` and `component.unexpected`. */
export async function withRedis<T> (door: RedisDoor, signal: AbortSignal, use: (redis: Redis) => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const redis = new Redis({
    host: door.host, port: door.port, password: door.password, lazyConnect: true, connectTimeout: 2_000, commandTimeout: 10_000, maxRetriesPerRequest: 0,
    retryStrategy: () => null, enableReadyCheck: false,
  })
  redis.on('error', () => {})
  const abort = (): void => { redis.disconnect() }
  signal.addEventListener('abort', abort, { once: true })
  try {
    await redis.connect()
    return await use(redis)
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof DrillError) throw cause
    const isRefusal = cause instanceof Error && cause.name === 'ReplyError'
    throw new DrillError(isRefusal ? 'component.unexpected' : 'component.unreachable', `Redis at ${door.host}:${door.port}: ${messageOf(cause)}`, { cause })
  } finally {
    signal.removeEventListener('abort', abort)
    redis.disconnect()
  }
}

/** Every key by the digest of its name, with the digest of its type and value. Keys that go meanwhile are left out. */
export async function digestsOf (redis: Redis): Promise<Map<string, KeyDigest>> {
  const digests = new Map<string, KeyDigest>()
  let cursor = '0'
  do {
    const [next, keys] = await redis.scanBuffer(cursor, 'COUNT', batch)
    cursor = String(next)
    await addDigests(redis, keys, digests)
  } while (cursor !== '0' && digests.size < maxKeys)
  return digests
}

async function addDigests (redis: Redis, keys: Buffer[], digests: Map<string, KeyDigest>): Promise<void> {
  const about = redis.pipeline()
  for (const key of keys) about.type(key).call('PEXPIRETIME', key)
  const facts = await about.exec() ?? []
  const values = redis.pipeline()
  const kinds = keys.map((key, index) => {
    const kind = String(facts[2 * index]![1])
    readValue(values, kind, key)
    return kind
  })
  const read = await values.exec() ?? []
  keys.forEach((key, index) => {
    const [error, value] = read[index]!
    const expiresAtMs = Number(facts[2 * index + 1]![1])
    if (error || kinds[index] === 'none' || expiresAtMs === -2) return
    const hash = createHash('sha256').update(kinds[index]!)
    for (const part of partsOf(kinds[index]!, value)) hash.update('\0').update(part)
    digests.set(createHash('sha256').update(key).digest('hex').slice(0, 32), { value: hash.digest('hex').slice(0, 32), expiresAtMs })
  })
}

function readValue (pipeline: ReturnType<Redis['pipeline']>, kind: string, key: Buffer): void {
  switch (kind) {
    case 'string': pipeline.getBuffer(key); break
    case 'list': pipeline.lrangeBuffer(key, '0', '-1'); break
    case 'set': pipeline.smembersBuffer(key); break
    case 'zset': pipeline.zrangeBuffer(key, '0', '-1', 'WITHSCORES'); break
    case 'hash': pipeline.hgetallBuffer(key); break
    case 'stream': pipeline.xrangeBuffer(key, '-', '+'); break
    default: pipeline.dumpBuffer(key)
  }
}

/** A value as a list that is the same whatever encoding and order Redis keeps it in. */
function partsOf (kind: string, value: unknown): Buffer[] {
  if (kind === 'hash') {
    return Object.entries(value as Record<string, Buffer>).sort(([a], [b]) => a < b ? -1 : 1).flatMap(([field, content]) => [Buffer.from(field), content])
  }
  const flat = (Array.isArray(value) ? value : [value]).flat(3) as Buffer[]
  return kind === 'set' ? flat.sort(Buffer.compare) : flat.filter(part => part !== null)
}
