import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { DrillError, messageOf } from '../errors.js'
import { writeOwned } from './base.js'
import { lastLines } from './run.js'
import { allProcs, isSame, readProc, sendSignal, withDescendants } from '../control/proc.js'
import { startProcess } from './process.js'
import { serverProcess } from './stop.js'
import type { Layout, Server } from './layout.js'
import type { ServerRecord } from './record.js'

/** Writes a server's configuration, also where a drill had blocked it. */
export function writeConfiguration (layout: Layout, server: Server): void {
  for (const [path, text] of Object.entries(server.files)) {
    rmSync(`${path}.blocked`, { force: true })
    writeOwned(path, text, 0o640, layout.user)
  }
  for (const [path, target] of Object.entries(server.links ?? {})) {
    mkdirSync(dirname(path), { recursive: true })
    rmSync(path, { force: true })
    symlinkSync(target, path)
  }
}

/** Starts a server and waits until it answers; throws with the last lines of its log where it ends or does not answer. */
export async function startServer (server: Server, record: ServerRecord, deadlineMs = 15_000): Promise<void> {
  const pid = await startProcess(server.control).catch((cause: unknown) => {
    throw new DrillError('lab.failed', `${server.name} could not be started: ${messageOf(cause)}`, { cause })
  })
  record.pid = pid
  record.startTime = readProc(pid)?.startTime
  const end = Date.now() + deadlineMs
  while (!await server.answers()) {
    const lives = record.startTime !== undefined && isSame({ pid, startTime: record.startTime })
    if (!lives || Date.now() > end) {
      const words = lives ? `does not answer on port ${server.port} after ${deadlineMs / 1000} s` : 'ended at once'
      throw new DrillError('lab.failed', `${server.name} ${words}: ${logTail(server)}`)
    }
    await new Promise((resolve) => { setTimeout(resolve, 25) })
  }
}

/** Stops one server for good order's sake, killed with all its children where it takes over 5 s. */
export async function stopServer (record: ServerRecord): Promise<void> {
  const process = serverProcess(record)
  if (process === undefined) return
  const tree = withDescendants([process], allProcs())
  sendSignal(process, record.control.stopSignal ?? 'SIGTERM')
  for (const member of tree) sendSignal(member, 'SIGCONT')
  const end = Date.now() + 5_000
  while (tree.some(isSame)) {
    if (Date.now() > end) for (const member of tree) sendSignal(member, 'SIGKILL')
    await new Promise((resolve) => { setTimeout(resolve, 25) })
  }
}

function logTail (server: Server): string {
  const log = server.control.start.log
  return log !== undefined && existsSync(log) ? lastLines(readFileSync(log, 'utf8')) || 'its log is empty' : 'it has no log'
}
