import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs'
import { DrillError, messageOf } from '../errors.js'
import type { LabUser, NodeName } from './layout.js'

export const volumeNames = ['data', 'wal', 'log', 'repository'] as const
export type VolumeName = typeof volumeNames[number]

/** In MiB: small enough to be filled in a moment, large enough not to fill by themselves. */
const sizes: Record<VolumeName, number> = { data: 256, wal: 160, log: 32, repository: 128 }

/** What a full disk hurts, and where it lies: with `volumes` each is a file system of its own, else a folder among the others. */
export function volumePaths (base: string, volumes: boolean): Record<VolumeName, string> {
  return {
    ...volumes ? { data: `${base}/volumes/data`, wal: `${base}/volumes/wal` } : { data: `${base}/pg1`, wal: `${base}/pg1/pg_wal` },
    log: `${base}/log`,
    repository: `${base}/backup`,
  }
}

/** Not the mount point itself: pg_rewind would remove, and a backup take along, what a drill puts there. */
export function dataDirsOf (base: string, volumes: boolean): Record<NodeName, string> {
  return { pg1: volumes ? `${base}/volumes/data/pg1` : `${base}/pg1`, pg2: `${base}/pg2` }
}

/** Where a node's WAL lies, where that is not in its data directory. */
export function walDirOf (base: string, volumes: boolean, node: NodeName): string | undefined {
  return volumes && node === 'pg1' ? `${base}/volumes/wal/pg1` : undefined
}

/**
 * Mounts what is not mounted yet: ext4 in a sparse file, which keeps its data over a stop, or memory where loop devices are not to be had.
 * Throws `lab.failed` where this user may not mount at all.
 */
export function mountVolumes (base: string, user: LabUser | undefined): void {
  mkdirSync(`${base}/volumes`, { recursive: true, mode: 0o711 })
  const mounted = mountsUnder(base)
  for (const [name, path] of Object.entries(volumePaths(base, true)) as Array<[VolumeName, string]>) {
    if (mounted.includes(path)) continue
    mkdirSync(path, { recursive: true })
    mountOne(`${base}/volumes/${name}.img`, path, sizes[name])
    chmodSync(path, 0o711)
    if (user !== undefined) chownSync(path, user.uid, user.gid)
  }
}

function mountOne (image: string, path: string, mebibytes: number): void {
  try {
    if (!existsSync(image)) {
      const file = openSync(`${image}.new`, 'w', 0o600)
      ftruncateSync(file, mebibytes * 1024 * 1024)
      closeSync(file)
      run('mkfs.ext4', '-q', '-F', '-m', '0', `${image}.new`)
      renameSync(`${image}.new`, image)
    }
    run('mount', '-o', 'loop', image, path)
  } catch (loop) {
    try {
      run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'muster', path)
    } catch (memory) {
      throw new DrillError('lab.failed',
        `Volumes have to be mounted, and this user may not (${messageOf(loop)}; ${messageOf(memory)}): start the lab as root, or with all of Muster inside of \`unshare --user --mount --map-current-user --keep-caps\``)
    }
  }
}

/** Mount points below a folder, the innermost first. */
export function mountsUnder (base: string): string[] {
  const points = readFileSync('/proc/self/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1] ?? '')
  return points.filter((point) => point.startsWith(`${base}/`)).reverse()
}

/** Unmounts everything below a folder; what is busy for a moment is tried again. Throws `lab.failed`. */
export async function unmountUnder (base: string, deadlineMs = 3_000): Promise<void> {
  const end = Date.now() + deadlineMs
  for (let mounts = mountsUnder(base); mounts.length > 0; mounts = mountsUnder(base)) {
    const problems = mounts.flatMap((path) => {
      try {
        run('umount', path)
        return []
      } catch (error) {
        return [messageOf(error)]
      }
    })
    if (problems.length > 0 && Date.now() > end) throw new DrillError('lab.failed', `Still mounted: ${problems.join('; ')}`)
    if (problems.length > 0) await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
}

function run (program: string, ...args: string[]): void {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } })
  } catch (error) {
    const said = (error as { stderr?: Buffer }).stderr?.toString().trim()
    throw new Error(said || `${program} ${args.join(' ')}: ${messageOf(error)}`)
  }
}
