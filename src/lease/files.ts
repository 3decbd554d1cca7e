import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'

// Files through which processes of one machine tell each other something: any of them may be renamed or removed at any moment.

/** Whole or not at all. */
export function writeWhole (file: string, value: unknown): void {
  writeFileSync(`${file}-new`, `${JSON.stringify(value)}\n`, { mode: 0o600 })
  renameSync(`${file}-new`, file)
}

/** Undefined where it is gone. */
export function readWhole<T> (file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T
  } catch {
    return undefined
  }
}

/** When it was last written or touched; undefined where it is gone. */
export function markOf (file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs
}

/** Whether it is there or not. */
export function touch (file: string): void {
  const now = new Date()
  try {
    utimesSync(file, now, now)
  } catch {
    // Gone in this moment.
  }
}

export function removeOlder (files: string[], olderThanMs: number): void {
  for (const file of files) {
    const at = markOf(file)
    if (at !== undefined && Date.now() - at > olderThanMs) rmSync(file, { force: true })
  }
}
