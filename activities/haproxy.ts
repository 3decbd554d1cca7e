import { chownSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { DrillError, messageOf } from '../src/errors.js'
import type { ActionInputs } from '../src/drill/actions.js'
import type { DatabaseCluster, HaproxyControl } from '../src/drill/environment.js'
import type { Action, StepContext } from './action.js'
import { lookAtPair, primaryOf } from './postgres/pair.js'

/** Bits of `srv_admin_state` that keep a server out: forced, inherited and address maintenance; drained. */
const outBits = 0x01 | 0x02 | 0x20 | 0x08 | 0x10
const up = 2

export interface ServerState { name: string, ready: boolean }

type Reach = Pick<StepContext, 'signal'>

/**
 * Says one line of commands (parted by `;`) to the admin socket and returns the answer. HAProxy closes after it. Throws
 * `component.unreachable`.
 */
export async function askHaproxy (socketPath: string, commands: string[], { signal }: Reach, timeoutMs = 3_000): Promise<string> {
  signal.throwIfAborted()
  const socket = connect({ path: socketPath })
  const abort = (): void => { socket.destroy(signal.reason as Error) }
  signal.addEventListener('abort', abort, { once: true })
  socket.setTimeout(timeoutMs, () => { socket.destroy(new Error(`nothing for ${timeoutMs} ms`)) })
  try {
    socket.write(`${commands.join('; ')}\n`)
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString('utf8')
  } catch (cause) {
    signal.throwIfAborted()
    throw new DrillError('component.unreachable', `HAProxy does not answer at ${socketPath}: ${messageOf(cause)}`, { cause })
  } finally {
    signal.removeEventListener('abort', abort)
    socket.destroy()
  }
}

/**
 * Gives commands, each of which succeeds without a word, and reads the servers back in the same connection. Any word before the
 * table is an error ("No such server.", "Permission denied"): throws `component.unexpected` with it.
 */
async function command (balancer: HaproxyControl, commands: string[], reach: Reach): Promise<ServerState[]> {
  const answer = await askHaproxy(balancer.socket, [...commands, `show servers state ${balancer.backend}`], reach)
  const table = answer.indexOf('# be_id')
  // The line before the header is the format's version: 1.
  const words = (table < 0 ? answer : answer.slice(0, table)).split('\n').map(line => line.trim()).filter(line => line !== '')
  if (table < 0 || words.length > 1 || words[0] !== '1') {
    throw new DrillError('component.unexpected', `HAProxy answered: ${words.filter(word => word !== '1').join(' ') || 'nothing'}`)
  }
  return answer.slice(table).split('\n').slice(1).map(line => line.split(' ')).filter(fields => fields.length > 6)
    .map(fields => ({ name: fields[3]!, ready: Number(fields[5]) === up && (Number(fields[6]) & outBits) === 0 }))
}

function serverName (balancer: HaproxyControl, node: string): string {
  const name = `${balancer.backend}/${node}`
  // It goes into a line in which `;` parts commands.
  if (!/^[\w.:-]+\/[\w.:-]+$/.test(name)) throw new DrillError('input.invalid', `"${name}" is no name of a HAProxy server`)
  return name
}

function outOf (balancer: HaproxyControl, node: string): string[] {
  const server = serverName(balancer, node)
  // Maintenance alone lets open sessions go on.
  return [`set server ${server} state maint`, `shutdown sessions server ${server}`]
}

/** How the servers of the database's backend stand. */
export function serverStates (database: DatabaseCluster, reach: Reach): Promise<ServerState[]> {
  return command(database.loadBalancer, [], reach)
}

/** Takes one server out and ends its sessions. */
export async function takeOut (database: DatabaseCluster, node: string, reach: Reach): Promise<void> {
  const states = await command(database.loadBalancer, outOf(database.loadBalancer, node), reach)
  if (states.find(state => state.name === node)?.ready !== false) throw new DrillError('component.unexpected', `HAProxy still sends clients to ${node}`)
}

/** Whether the endpoint leads to this node and to no other. */
export function leadsTo (states: ServerState[], node: string): boolean {
  return states.some(state => state.name === node) && states.every(state => state.ready === (state.name === node))
}

/**
 * Moves the endpoint: the others out with their sessions ended, then this one in. Where it leads there already no session is
 * touched. The servers' state goes to the state file, without which a restart of HAProxy would go back to its configuration.
 */
export async function pointEndpointAt (database: DatabaseCluster, node: string, reach: Reach): Promise<'switched' | 'already'> {
  const balancer = database.loadBalancer
  const target = serverName(balancer, node)
  const others = database.nodes.filter(other => other.name !== node)
  const already = leadsTo(await serverStates(database, reach), node)
  if (!already) {
    const states = await command(balancer, [...others.flatMap(other => outOf(balancer, other.name)), `set server ${target} state ready`], reach)
    if (!leadsTo(states, node)) throw new DrillError('component.unexpected', `HAProxy does not lead to ${node} alone: ${statesText(states)}`)
  }
  if (balancer.stateFile !== undefined) writeStateFile(balancer.stateFile, await askHaproxy(balancer.socket, ['show servers state'], reach))
  return already ? 'already' : 'switched'
}

/** Whole or not at all: HAProxy may be starting. It belongs to whoever owns the folder, for HAProxy must read it. */
function writeStateFile (path: string, text: string): void {
  const fresh = `${path}.${process.pid}.new`
  writeFileSync(fresh, text, { mode: 0o644 })
  const folder = statSync(dirname(path))
  if (process.getuid?.() === 0) chownSync(fresh, folder.uid, folder.gid)
  renameSync(fresh, path)
}

function statesText (states: ServerState[]): string {
  return states.map(state => `${state.name} ${state.ready ? 'ready' : 'out'}`).join(', ')
}

/** Moves the endpoint to one node; its undo points it at whichever node is primary then. */
export const haproxySwitch: Action<ActionInputs['haproxy.switch']> = {
  async do ({ database, to }, context) {
    if (!database.nodes.some(node => node.name === to)) throw new DrillError('input.invalid', `The database has no node "${to}"`)
    const startedAt = performance.now()
    const outcome = await pointEndpointAt(database, to, context)
    const switchMs = Math.round((performance.now() - startedAt) * 10) / 10
    return { summary: outcome === 'already' ? `the endpoint leads to ${to} already` : `the endpoint leads to ${to} (${switchMs} ms)`, output: { to, switchMs } }
  },

  async verify ({ database }, context) {
    const [states, seen] = await Promise.all([serverStates(database, context), lookAtPair(database, context)])
    const primaries = seen.filter(one => one.role === 'primary')
    const undone = primaries.length === 1 && leadsTo(states, primaries[0]!.node.name)
    return { undone, summary: `HAProxy: ${statesText(states)}; ${seen.map(one => `${one.node.name} is ${one.role}`).join(', ')}` }
  },

  async undo ({ database }, context) {
    const primary = primaryOf(await lookAtPair(database, context))
    const outcome = await pointEndpointAt(database, primary.node.name, context)
    return outcome === 'already' ? `the endpoint leads to ${primary.node.name} already` : `pointed the endpoint at ${primary.node.name}`
  },
}
