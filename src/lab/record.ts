import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DrillError } from '../errors.js'
import type { ProcessControl } from '../drill/environment.js'
import type { LabUser, Ports } from './layout.js'

/**
 * What is known of a lab without looking at its servers: `ROOT/labs/NAME.json`. It is written before the first server is
 * started and lies outside the servers' folder, so a killed start can be taken down and no server can forge it.
 */
export interface LabRecord {
  name: string
  base: string
  user?: LabUser
  ports: Ports
  synchronous: boolean
  volumes?: boolean
  webhook: { url: string, credentialsFile?: string }
  environmentFile: string
  servers: ServerRecord[]
  /** Programs that only the lab starts in its folder: whatever runs them with its working directory there is the lab's. */
  executables: string[]
}

export interface ServerRecord {
  name: string
  port: number
  control: ProcessControl
  /** As it was started last by the lab; an action may have started another since, which the pid file names. */
  pid?: number
  /** Clock ticks since boot, from /proc: with the pid it names one process for ever. */
  startTime?: number
}

const namePattern = /^[a-z0-9][a-z0-9-]{0,31}$/

export function recordPath (root: string, name: string): string {
  if (!namePattern.test(name)) throw new DrillError('input.invalid', `A lab's name is up to 32 small letters, digits and dashes, not ${JSON.stringify(name)}`)
  return join(root, 'labs', `${name}.json`)
}

export function readRecord (root: string, name: string): LabRecord | undefined {
  const path = recordPath(root, name)
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) as LabRecord : undefined
}

export function writeRecord (root: string, record: LabRecord): void {
  const path = recordPath(root, record.name)
  mkdirSync(join(root, 'labs'), { recursive: true })
  writeFileSync(`${path}.new`, JSON.stringify(record, null, 2) + '\n', { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export function removeRecord (root: string, name: string): void {
  rmSync(recordPath(root, name), { force: true })
  rmSync(`${recordPath(root, name)}.new`, { force: true })
}

export function recordedLabs (root: string): string[] {
  const folder = join(root, 'labs')
  if (!existsSync(folder)) return []
  return readdirSync(folder).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length)).sort()
}
