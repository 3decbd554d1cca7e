import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DrillError, messageOf } from '../errors.js'

export interface Address { url: string, key: string | undefined }

/**
 * Where the API is and who asks: what was said on the command line, then the environment, then what `muster dev` left in the
 * folder. The key of that folder is sent to this machine only.
 */
export function addressOf (given: { url?: string }, env: Record<string, string | undefined>, home: string): Address {
  const own = devUrl(home)
  const url = given.url ?? (env.MUSTER_URL || undefined) ?? own ?? 'http://127.0.0.1:4400'
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new DrillError('input.invalid', `"${url}" is no address of an API; it looks like http://127.0.0.1:4400`)
  }
  return { url, key: (env.MUSTER_KEY || undefined) ?? (isHere(url) ? keyOf(join(home, 'key')) : undefined) }
}

/** Loopback: whatever listens there runs on this machine. */
function isHere (url: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
}

function devUrl (home: string): string | undefined {
  try {
    const { apiUrl } = JSON.parse(readFileSync(join(home, 'dev', 'dev.json'), 'utf8')) as { apiUrl?: unknown }
    return typeof apiUrl === 'string' ? apiUrl : undefined
  } catch {
    return undefined
  }
}

function keyOf (file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new DrillError('input.invalid', `the key in ${file} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
