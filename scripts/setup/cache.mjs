// Where downloads live: outside the repository, so that a second clone finds them. src/tools.ts has the same rule.
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { SetupFault } from './fault.mjs'
import { nobodyReaches } from './machine.mjs'

/**
 * As root the servers run as nobody, who cannot traverse a 0700 /root: hence a place of its own for root.
 */
export function cacheDir (env = process.env) {
  if (env.MUSTER_CACHE) return resolve(env.MUSTER_CACHE)
  if (process.getuid?.() === 0) return '/var/cache/muster'
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'muster')
}

export function makeCache (dir) {
  try {
    // 0755 whatever the umask is: nobody must be able to run what is in there.
    process.umask(0o022)
    mkdirSync(dir, { recursive: true, mode: 0o755 })
  } catch (error) {
    throw new SetupFault(`The cache ${dir} cannot be made (${error.code}): make it writable, or name another place by MUSTER_CACHE`)
  }
  if (!nobodyReaches(dir)) throw new SetupFault(`The lab’s servers run as nobody, who cannot reach the cache ${dir}: name a place by MUSTER_CACHE whose folders all users may enter`)
}
