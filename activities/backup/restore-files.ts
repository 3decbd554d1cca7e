import { readdir, rm } from 'node:fs/promises'
import { allProcs, commandLineOf, sendSignal, type Proc } from '../../src/control/proc.js'
import { until } from '../../src/control/until.js'
import type { Backup } from '../../src/drill/environment.js'
import type { ResolvedTarget } from '../../src/drill/target.js'
import { DrillError } from '../../src/errors.js'
import { pgBackRest, type Worker } from './tools.js'

export interface FileRestore {
  /** A label of the catalogue: never left to pgBackRest. */
  set: string
  /** Its parent must be there, of the user of the backup's tools. What lies in it is made to be the set's. */
  dataDir: string
  target?: ResolvedTarget
  /** What recovery does at its target. */
  at?: 'pause' | 'promote'
  /** `off`: what is promoted from it never writes into the archive that it came from. `preserve` is for what becomes production. */
  archiving?: 'off' | 'preserve'
}

const endMs = 15_000

/**
 * The files of a set, ready for a server to recover from. May be repeated after any end of an earlier try: what is there is compared
 * and only what differs is brought. How long it took, ms. Throws `backup.damaged`, `backup.missing`, `backup.failed`, `backup.stalled`.
 */
export async function restoreFiles (backup: Backup, { set, dataDir, target, at = 'promote', archiving = 'off' }: FileRestore, worker: Worker): Promise<number> {
  const from = performance.now()
  await endRestores(dataDir, worker.signal)
  const args = [
    `--pg1-path=${dataDir}`, `--archive-mode=${archiving}`, `--set=${set}`,
    ...(target ? [`--type=${target.type}`, `--target=${target.value}`, `--target-action=${at}`, ...(target.inclusive ? [] : ['--target-exclusive'])] : []),
  ]
  const isRetry = (await readdir(dataDir).catch(() => [])).length > 0
  const options = { doing: `restore ${set}` }
  try {
    await pgBackRest(backup, [...args, ...(isRetry ? ['--delta'] : []), 'restore'], worker, options)
  } catch (error) {
    // A try that died before its manifest was written left nothing to compare with: begin anew.
    if (!isRetry || !(error instanceof DrillError) || !/failed with 40:/.test(error.message)) throw error
    await rm(dataDir, { recursive: true, force: true })
    await pgBackRest(backup, [...args, 'restore'], worker, options)
  }
  return performance.now() - from
}

/** Ends what a dead worker left running into a directory. */
export async function endRestores (dataDir: string, signal?: AbortSignal): Promise<void> {
  for (const how of ['SIGTERM', 'SIGKILL'] as const) {
    const running = restoresInto(dataDir)
    if (running.length === 0) return
    for (const proc of running) sendSignal(proc, how)
    await until(() => restoresInto(dataDir).length === 0 || undefined, { everyMs: 50, deadlineMs: endMs, signal })
  }
}

/** Known by an argument that no other run of pgBackRest has. */
export function restoresInto (dataDir: string): Proc[] {
  return allProcs().filter(proc => proc.name === 'pgbackrest' && commandLineOf(proc.pid).split(' ').includes(`--pg1-path=${dataDir}`))
}
