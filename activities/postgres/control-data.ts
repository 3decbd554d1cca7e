import { DrillError } from '../../src/errors.js'
import type { PostgresNode } from '../../src/drill/environment.js'
import { controlOfNode, type Reach } from './connection.js'

/**
 * What a node's control file says, of use where it is dead. `state`: `shut down` (in order, as a primary), `in production` (killed as
 * one), `shut down in recovery` and `in archive recovery` (the same of a standby). `checkpoint`: the LSN of its last one.
 */
export async function controlData (node: PostgresNode, reach: Reach): Promise<{ state: string, checkpoint: string }> {
  // In plain English whatever the machine speaks.
  const { exitCode, stdout, stderr } = await controlOfNode(node).run('pg_controldata', ['-D', node.dataDir], { signal: reach.signal, env: { LC_ALL: 'C' } })
  const value = (name: string): string | undefined => stdout.split('\n').find(line => line.startsWith(`${name}:`))?.slice(name.length + 1).trim()
  const state = value('Database cluster state')
  const checkpoint = value('Latest checkpoint location')
  if (exitCode !== 0 || state === undefined || checkpoint === undefined) {
    throw new DrillError('component.unexpected', `pg_controldata of ${node.name} failed with ${exitCode}: ${stderr.slice(0, 200)}`)
  }
  return { state, checkpoint }
}
