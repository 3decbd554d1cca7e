import { createHash } from 'node:crypto'
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { ManifestEntry } from '../../src/drill/manifest.js'
import { DrillError } from '../../src/errors.js'

/**
 * Everything under the paths, as it lies below `root` (`/` for the living system). Throws `backup.incomplete` where a path is absent or
 * holds what a configuration never is (a device, a socket, a pipe).
 */
export function inventory (root: string, paths: string[]): ManifestEntry[] {
  return paths.flatMap(path => entriesOf(root, path))
}

function entriesOf (root: string, path: string): ManifestEntry[] {
  const at = join(root, path)
  const stat = lstatSync(at, { throwIfNoEntry: false })
  if (!stat) throw new DrillError('backup.incomplete', `${path} belongs to the configuration, but is not there`)
  const { uid, gid } = stat
  const mode = stat.mode & 0o7777
  if (stat.isFile()) return [{ path, kind: 'file', mode, uid, gid, digest: sha256(readFileSync(at)) }]
  if (stat.isSymbolicLink()) return [{ path, kind: 'link', mode, uid, gid, digest: sha256(readlinkSync(at)) }]
  if (!stat.isDirectory()) throw new DrillError('backup.incomplete', `${path} is neither a file, a folder nor a link: keep it out of the configuration`)
  return [{ path, kind: 'folder', mode, uid, gid }, ...readdirSync(at).sort().flatMap(name => entriesOf(root, join(path, name)))]
}

function sha256 (content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex')
}
