import { chmodSync, chownSync, closeSync, fchmodSync, fchownSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { LabUser } from './layout.js'

const nobody: LabUser = { uid: 65534, gid: 65534 }

// sun_path holds 107 bytes; the longest socket is HAProxy's while it starts (it binds a temporary name and renames it).
const longestBase = 107 - '/spare/run/haproxy.sock.4194304.tmp'.length

/** The user of the servers: nobody where we are root, else undefined for the calling user. */
export function labUser (): LabUser | undefined {
  return process.getuid?.() === 0 ? nobody : undefined
}

/**
 * Makes the folder of a lab's servers. It lies under the state folder, unless the servers' user could not reach it there,
 * socket paths would be too long, or the path would need quoting in a configuration file: then it lies in /tmp.
 */
export function makeBase (root: string, name: string, user: LabUser | undefined): string {
  const wanted = join(root, 'labs', name)
  mkdirSync(wanted, { recursive: true })
  const suits = wanted.length <= longestBase && /^[\w./+-]+$/.test(wanted) && (user === undefined || isReachable(wanted))
  const base = suits ? wanted : mkdtempSync('/tmp/muster-')
  prepareBase(base, user)
  return base
}

/**
 * Makes the folders that the servers use; those that are there are left alone. Configuration and secrets lie in folders that the
 * servers' user cannot write to, so that root never writes through a link that a server planted.
 */
export function prepareBase (base: string, user: LabUser | undefined): void {
  mkdirSync(base, { recursive: true })
  own(base, 0o711, user)
  for (const folder of ['conf', 'secrets', 'escrow']) {
    mkdirSync(join(base, folder), { recursive: true })
    chmodSync(join(base, folder), user === undefined ? 0o700 : 0o711)
  }
  for (const folder of ['run', 'log', 'tmp', 'tls', 'ngx', 'redis1', 'redis2', 'prometheus', 'alertmanager', 'backup', 'copies', 'assets']) {
    mkdirSync(join(base, folder), { recursive: true })
    own(join(base, folder), folder === 'run' ? 0o711 : 0o700, user)
  }
}

/** Writes a file that belongs to the servers' user, in place of whatever was there. */
export function writeOwned (path: string, content: string | Buffer, mode: number, user: LabUser | undefined): void {
  rmSync(path, { force: true })
  const file = openSync(path, 'wx', mode)
  try {
    writeFileSync(file, content)
    fchmodSync(file, mode)
    if (user !== undefined) fchownSync(file, user.uid, user.gid)
  } finally {
    closeSync(file)
  }
}

function own (path: string, mode: number, user: LabUser | undefined): void {
  chmodSync(path, mode)
  if (user !== undefined) chownSync(path, user.uid, user.gid)
}

function isReachable (folder: string): boolean {
  for (let path = dirname(folder); ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false
    if (path === dirname(path)) return true
  }
}
