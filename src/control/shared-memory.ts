import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'

/**
 * Removes the SysV segments that a killed PostgreSQL leaves. Exactly its own: PostgreSQL takes the inode of its data directory
 * as the key, and nobody is attached any more. (A running server on another file system could share the inode, but is attached.)
 * @param uid owner of the servers
 * @returns how many were removed
 */
export function freeSharedMemory (dataDirs: string[], uid: number): number {
  const keys = new Set<number>()
  const ids = new Set<number>()
  for (const folder of dataDirs) {
    try {
      keys.add(statSync(folder).ino | 0)
      ids.add(namedIn(`${folder}/postmaster.pid`).id)
    } catch {
      // No such folder, or stopped in good order: then the key alone decides.
    }
  }
  return remove(sharedSegments().filter((segment) => segment.uid === uid && segment.attached === 0 && (keys.has(segment.key) || ids.has(segment.id))))
}

/**
 * Removes the segment that a killed PostgreSQL made, by the pid file that it left. To be called before that file goes: a server that
 * starts anew finds its old segment by the key only, and had another one where a stranger held that key at the time.
 */
export function freeSharedMemoryOf (pidFile: string): void {
  try {
    const { uid } = statSync(pidFile)
    const { maker, id } = namedIn(pidFile)
    remove(sharedSegments().filter((segment) => segment.id === id && segment.maker === maker && segment.uid === uid && segment.attached === 0))
  } catch {
    // No such file: it was stopped in good order, and has removed its segment itself. One that may not be removed prevents no start.
  }
}

/** The segment that a postmaster's pid file names: key and id on its seventh line. NaN where it names none. Throws where there is no such file. */
function namedIn (pidFile: string): { maker: number, id: number } {
  const lines = readFileSync(pidFile, 'utf8').split('\n')
  return { maker: Number(lines[0]), id: Number(lines[6]?.trim().split(/\s+/)[1]) }
}

function remove (segments: ReadonlyArray<{ id: number }>): number {
  for (const { id } of segments) execFileSync('ipcrm', ['-m', String(id)], { stdio: 'ignore' })
  return segments.length
}

/** What `ipcs -m` lists; `maker` is the pid of who made it. PostgreSQL takes the inode of its data directory, as 32 bits, for the key of its own. */
export function sharedSegments (): Array<{ key: number, id: number, maker: number, attached: number, uid: number }> {
  let table: string
  try {
    table = readFileSync('/proc/sysvipc/shm', 'utf8')
  } catch {
    return []
  }
  return table.trim().split('\n').slice(1).map((line) => {
    const fields = line.trim().split(/\s+/).map(Number) as [number, number, ...number[]]
    return { key: fields[0] | 0, id: fields[1], maker: fields[4] ?? 0, attached: fields[6] ?? 0, uid: fields[7] ?? -1 }
  })
}
