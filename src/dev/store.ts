import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startCluster, type Cluster } from '../store/cluster.js'
import type { Tools } from '../tools.js'
import { readProc } from '../control/proc.js'
import { isAlive } from './process.js'
import { devFolder } from './state.js'

/** The private PostgreSQL that Muster keeps its record in. */
export async function startStore (dir: string, port: number, tools: Pick<Tools, 'postgres' | 'initdb'>): Promise<Cluster> {
  return await startCluster({ dir, port, tools, settings: { shared_buffers: '64MB', max_connections: '60' } })
}

/**
 * Where the store lies: under the folder, unless we are root and PostgreSQL's user could not reach it there (or the path of its
 * socket would be too long); then in /var/tmp, and a file says where.
 */
export function storeFolder (root: string): string {
  const wanted = join(devFolder(root), 'store')
  const note = join(devFolder(root), 'store-folder')
  try {
    return readFileSync(note, 'utf8').trim()
  } catch {
    if (wanted.length < 80 && (process.getuid?.() !== 0 || isReachable(devFolder(root)))) return wanted
    sweepStores(elsewhere)
    const made = mkdtempSync(join(elsewhere, prefix))
    chmodSync(made, 0o711)
    writeFileSync(join(made, owner), root)
    const other = join(made, 'store')
    writeFileSync(note, `${other}\n`)
    return other
  }
}

function isReachable (folder: string): boolean {
  for (let path = folder; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false
    if (path === dirname(path)) return true
  }
}

const elsewhere = '/var/tmp'
const prefix = 'muster-dev-'
const owner = 'belongs-to'

/** Removes stores whose `.muster` folder somebody has deleted since: nothing can find them any more. */
export function sweepStores (folder: string): void {
  for (const name of readdirSync(folder).filter(name => name.startsWith(prefix))) {
    const made = join(folder, name)
    try {
      if (statSync(made).uid !== process.getuid?.() || existsSync(readFileSync(join(made, owner), 'utf8'))) continue
      killStore(join(made, 'store'))
      rmSync(made, { recursive: true, force: true })
    } catch {
      // It is nobody's that we know, or it is just being made.
    }
  }
}

/** Ends the store at once and with all its backends, which are in no process group of ours: SIGQUIT is PostgreSQL's own way. */
export function killStore (dir: string): void {
  const data = join(dir, 'data')
  try {
    const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
    const startTime = readProc(pid)?.startTime
    if (pid > 1 && startTime !== undefined && isAlive({ name: 'store', pid, startTime, match: data })) process.kill(pid, 'SIGQUIT')
  } catch {
    // There is none.
  }
}
