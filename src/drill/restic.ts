/** What restic says, read into plain facts. Its exit codes lie (a source path that is absent ends with 0), its words do not. */

export interface Snapshot {
  id: string
  /** Epoch ms. */
  atMs: number
  /** What was really stored: an absent source path is missing here, and nowhere else. */
  paths: string[]
  tags: string[]
}

/** Of `restic snapshots --json`, newest first. Undefined where it is no such list. */
export function snapshotsOf (stdout: string): Snapshot[] | undefined {
  const list = parsed(stdout)
  if (list === null) return []
  if (!Array.isArray(list)) return undefined
  const snapshots: Snapshot[] = []
  for (const one of list as Array<Record<string, unknown>>) {
    const atMs = Date.parse(String(one.time))
    if (typeof one.id !== 'string' || Number.isNaN(atMs) || !Array.isArray(one.paths)) return undefined
    snapshots.push({ id: one.id, atMs, paths: one.paths as string[], tags: Array.isArray(one.tags) ? one.tags as string[] : [] })
  }
  return snapshots.sort((a, b) => b.atMs - a.atMs)
}

export interface BackupSummary { snapshotId: string, files: number, bytes: number, addedBytes: number }

/** The last line of `restic backup --json`. Undefined where there is none: then it did not come to its end. */
export function backupSummaryOf (stdout: string): BackupSummary | undefined {
  for (const line of stdout.trim().split('\n').reverse()) {
    const said = parsed(line) as Record<string, unknown> | undefined
    if (said?.message_type !== 'summary') continue
    return {
      snapshotId: String(said.snapshot_id), files: Number(said.total_files_processed), bytes: Number(said.total_bytes_processed), addedBytes: Number(said.data_added),
    }
  }
  return undefined
}

/** Bytes so far, of a status line. */
export function bytesDoneOf (line: string): number | undefined {
  const said = parsed(line) as Record<string, unknown> | undefined
  return said?.message_type === 'status' && typeof said.bytes_done === 'number' ? said.bytes_done : undefined
}

/** Of `restic stats --mode restore-size --json`. */
export function restoreSizeOf (stdout: string): { bytes: number, files: number } | undefined {
  const said = parsed(stdout) as Record<string, unknown> | undefined
  return typeof said?.total_size === 'number' ? { bytes: said.total_size, files: Number(said.total_file_count ?? 0) } : undefined
}

/** `check --read-data` read every pack and said so; anything else is what was wrong. */
export function checkProblemOf (said: { stdout: string, stderr: string, exitCode: number }): string | undefined {
  const read = /read all data/.test(said.stdout)
  if (said.exitCode === 0 && read && /^no errors were found$/m.test(said.stdout)) return undefined
  const words = `${said.stdout}\n${said.stderr}`.split('\n').map(line => line.trim()).filter(line => /error|does not match|not found|damaged|invalid|unexpected|fatal/i.test(line) && !/^no errors/.test(line))
  return words.slice(0, 3).join('; ').slice(0, 400) || (read ? `exit code ${said.exitCode}, and no word of why` : 'it did not read the data')
}

/** How many files `restore --verify` compared with the repository; undefined where it did not come to its end. */
export function verifiedFilesOf (stdout: string): number | undefined {
  const found = /^finished verifying (\d+) files in /m.exec(stdout)
  return found ? Number(found[1]) : undefined
}

export interface FreshnessPolicy { paths: string[], maxAgeMs: number, nowMs: number }

/** Whether the newest snapshot is young enough and holds every path. */
export function freshness (snapshots: Snapshot[], { paths, maxAgeMs, nowMs }: FreshnessPolicy): { ok: boolean, observed: string, snapshot?: Snapshot } {
  const newest = snapshots[0]
  if (!newest) return { ok: false, observed: 'there is no backup' }
  const ageMs = nowMs - newest.atMs
  const missing = paths.filter(path => !newest.paths.includes(path))
  const faults = [
    ...(missing.length > 0 ? [`it lacks ${missing.join(', ')}`] : []),
    ...(ageMs > maxAgeMs ? [`older than ${Math.round(maxAgeMs / 1000)} s`] : []),
    // A clock that is wrong makes every age wrong.
    ...(ageMs < -60_000 ? ['it is from the future: a clock is wrong'] : []),
  ]
  const about = `newest backup ${newest.id.slice(0, 8)} is ${Math.max(0, Math.round(ageMs / 1000))} s old and holds ${newest.paths.length} paths`
  return { ok: faults.length === 0, observed: [about, ...faults].join('; '), snapshot: newest }
}

function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
