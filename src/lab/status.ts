import { existsSync } from 'node:fs'
import { onNode } from './database.js'
import { nodeNames, type NodeName } from './layout.js'
import { isStopped } from '../control/proc.js'
import { serverProcess } from './stop.js'
import type { LabRecord } from './record.js'

export interface ServerStatus {
  name: string
  port: number
  pid?: number
  /** `blocked`: stopped, and its configuration is renamed so that nobody can start it. */
  state: 'running' | 'frozen' | 'stopped' | 'blocked'
}

export interface NodeStatus {
  name: NodeName
  role: 'primary' | 'standby' | 'unknown'
  /** On a primary: the standby that streams from it and whether commits wait for it. */
  standby?: { name: string, syncState: string }
}

export interface LabStatus {
  name: string
  base: string
  /** `partly`: some servers run, some do not. */
  state: 'running' | 'partly' | 'stopped'
  environmentFile: string
  servers: ServerStatus[]
  database: NodeStatus[]
}

export async function statusOf (record: LabRecord): Promise<LabStatus> {
  const servers = record.servers.map((server): ServerStatus => {
    const { name, port, control } = server
    const process = serverProcess(server)
    if (process !== undefined) return { name, port, pid: process.pid, state: isStopped(process) ? 'frozen' : 'running' }
    const isBlocked = control.blockFile !== undefined && existsSync(`${control.blockFile}.blocked`)
    return { name, port, state: isBlocked ? 'blocked' : 'stopped' }
  })
  const running = servers.filter(({ state }) => state === 'running').length
  return {
    name: record.name,
    base: record.base,
    state: running === servers.length ? 'running' : running === 0 ? 'stopped' : 'partly',
    environmentFile: record.environmentFile,
    servers,
    database: await Promise.all(nodeNames.map((node) => nodeStatus(record, node))),
  }
}

async function nodeStatus (record: LabRecord, node: NodeName): Promise<NodeStatus> {
  try {
    return await onNode(record, node, async (client) => {
      const { rows: [self] } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
      const { rows: [peer] } = await client.query<{ name: string, syncState: string }>(
        'select application_name as name, sync_state as "syncState" from pg_stat_replication where state = \'streaming\'')
      return { name: node, role: self?.standby === true ? 'standby' : 'primary', ...(peer === undefined ? {} : { standby: peer }) }
    }, 1_000)
  } catch {
    return { name: node, role: 'unknown' }
  }
}
