import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ports } from './ports.js'

/** What `.muster/dev/dev.json` says while Muster runs: the CLI reads where the API is. No secret in it. */
export interface DevState { pid: number, apiUrl: string, temporalAddress: string, temporalUi?: string, ports: Ports, startedAt: string }

/** A process that was started: with its start time, its number names it for ever. */
export interface Started { name: string, pid: number, startTime: number, match: string }

export function devFolder (root: string): string {
  return join(root, 'dev')
}

export function makeFolder (root: string): void {
  // Passable for the store's own user, which is not ours where we are root.
  mkdirSync(devFolder(root), { recursive: true, mode: 0o755 })
}

export function readState (root: string): DevState | undefined {
  return readJson<DevState>(join(devFolder(root), 'dev.json'))
}

export function writeState (root: string, state: DevState): void {
  writeJson(join(devFolder(root), 'dev.json'), state)
}

/** The ports stay noted for the next start. */
export function removeState (root: string): void {
  const state = readState(root)
  if (state) writeJson(join(devFolder(root), 'ports.json'), state.ports)
  rmSync(join(devFolder(root), 'dev.json'), { force: true })
}

export function readPorts (root: string): Ports | undefined {
  return readJson<Ports>(join(devFolder(root), 'ports.json')) ?? readState(root)?.ports
}

export function readStarted (root: string): Started[] {
  return readJson<Started[]>(join(devFolder(root), 'processes.json')) ?? []
}

export function writeStarted (root: string, started: Started[]): void {
  if (started.length === 0) rmSync(join(devFolder(root), 'processes.json'), { force: true })
  else writeJson(join(devFolder(root), 'processes.json'), started)
}

function readJson<T> (path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch {
    return undefined
  }
}

function writeJson (path: string, value: unknown): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}
