import { rmSync } from 'node:fs'
import { DrillError } from '../errors.js'
import { allProcs, isSame, readProc, sendSignal, withDescendants, type Proc } from '../control/proc.js'
import { findProcess } from '../control/process.js'
import { isOfLab } from './process.js'
import { freeSharedMemory } from '../control/shared-memory.js'
import { spareRoot } from './layout.js'
import { dataDirsOf, unmountUnder } from './volumes.js'
import type { LabRecord } from './record.js'

const orderlyMs = 6_000
const killedMs = 3_000

/**
 * Ends every process of a lab, in good order where it can: frozen ones are thawed, and what has not ended after 6 s is
 * killed. Then gives back what killed servers leave: shared memory, mounts, sockets, locks.
 */
export async function stopLab (record: LabRecord): Promise<void> {
  const begun = Date.now()
  const told = new Set<number>()
  for (let members = labProcesses(record); members.length > 0; members = labProcesses(record)) {
    const waited = Date.now() - begun
    if (waited > orderlyMs + killedMs) {
      throw new DrillError('lab.failed', `Processes of lab ${record.name} did not end: ${members.map(({ pid }) => pid).join(', ')}`)
    }
    if (waited > orderlyMs) {
      for (const member of members) sendSignal(member, 'SIGKILL')
    } else {
      askToEnd(record, members, told)
    }
    await new Promise((resolve) => { setTimeout(resolve, 30) })
  }
  freeSharedMemory([...Object.values(dataDirsOf(record.base, record.volumes === true)), `${spareRoot(record.base)}/pg1`], record.user?.uid ?? process.getuid?.() ?? -1)
  for (const { control } of record.servers) for (const file of control.staleFiles ?? []) rmSync(file, { force: true })
  rmSync(`${record.base}/run/haproxy.sock`, { force: true })
  // Last: what is removed above may lie on them.
  await unmountUnder(record.base)
}

/** Each server's own process gets its own signal, once; strays whose server is gone get SIGTERM. The others follow their server. */
function askToEnd (record: LabRecord, members: Proc[], told: Set<number>): void {
  const heads = new Map(record.servers.flatMap((server) => {
    const head = serverProcess(server)
    return head === undefined ? [] : [[head.pid, server.control.stopSignal ?? 'SIGTERM'] as const]
  }))
  const followers = new Set(withDescendants(members.filter(({ pid }) => heads.has(pid)), members).map(({ pid }) => pid))
  for (const member of members) {
    if (told.has(member.pid)) continue
    const how = heads.get(member.pid) ?? (followers.has(member.pid) ? undefined : 'SIGTERM')
    if (how !== undefined) sendSignal(member, how)
    sendSignal(member, 'SIGCONT')
    // A follower may become a stray when its server dies: then it is told in a later round.
    if (how !== undefined) told.add(member.pid)
  }
}

/** A server's process: as the pid file says, or, where that is gone, as it was started. */
export function serverProcess (server: LabRecord['servers'][number]): Proc | undefined {
  const found = findProcess(server.control)
  if (found !== undefined) return found
  const { pid, startTime } = server
  return pid !== undefined && startTime !== undefined && isSame({ pid, startTime }) ? readProc(pid) : undefined
}

/** Every live process of the lab: the servers with all that descends from them, and strays known by mark or working directory. */
function labProcesses (record: LabRecord): Proc[] {
  const all = allProcs()
  const ours = ownLine(all)
  const heads = record.servers.flatMap((server) => serverProcess(server) ?? [])
  const strays = all.filter(({ pid }) => isOfLab(pid, record.base, record.executables))
  return withDescendants([...heads, ...strays], all).filter(({ pid }) => !ours.has(pid))
}

/** This process and its ancestors, which are never the lab's, whatever their environment says. */
function ownLine (all: Proc[]): Set<number> {
  const parents = new Map(all.map(({ pid, parent }) => [pid, parent]))
  const line = new Set<number>()
  for (let pid: number | undefined = process.pid; pid !== undefined && pid > 0; pid = parents.get(pid)) line.add(pid)
  return line
}
