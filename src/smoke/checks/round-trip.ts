import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PostgresNode } from '../../drill/environment.js'
import { durationMs, durationText } from '../../drill/duration.js'
import type { ReplicaRead } from '../../drill/smoke-checks.js'
import { fill, type Values } from '../../journey/fill.js'
import { answerOf, blind, type SmokeCheck, type SmokeContext } from '../check.js'
import { askSql } from '../sql.js'
import { runSteps } from '../steps.js'

const everyMs = 25

/** Written through the API, read back through the API (by the steps) and on every standby. */
export const roundTrip: SmokeCheck<'round-trip'> = async ({ steps, text, replica }, context) => {
  const expected = 'what was written reads the same through the API and on every standby'
  const seen: Seen[] = []
  const done = await runSteps(steps, context, async captures => {
    if (replica) seen.push(...await readReplicas(replica, text, captures, context))
  })
  const visibleMs = Math.max(0, ...seen.map(one => one.ms))
  const rest = { ...done.rest, ...(seen.some(one => one.same) ? { values: { visibleMs } } : {}) }
  const flaws = [...done.flaws, ...seen.filter(one => one.wrong !== undefined).map(one => `${one.node}: ${one.wrong}`)]
  const unseen = seen.filter(one => one.unseen !== undefined).map(one => `${one.node} could not be asked: ${one.unseen}`)
  if (flaws.length === 0 && unseen.length > 0) return blind(unseen.join('; '), expected, rest)
  if (flaws.length === 0 && replica && seen.length === 0) return blind('there is no standby to read from', expected, rest)
  return answerOf(flaws, `the same through the API${seen.length > 0 ? ` and on ${seen.map(one => one.node).join(', ')}, visible there within ${durationText(visibleMs)}` : ''}`, expected, rest)
}

interface Seen { node: string, ms: number, same?: boolean, wrong?: string, unseen?: string }

async function readReplicas (replica: ReplicaRead, text: string, captures: Values, context: SmokeContext): Promise<Seen[]> {
  const { value: values, missing } = fill(replica.values, { ...context.values, ...captures })
  const roles = await Promise.all(context.environment.database!.nodes.map(async node => ({ node, asked: await askSql<{ standby: boolean }>(node, 'select pg_is_in_recovery() as standby', [], context) })))
  if (missing.length > 0) return [{ node: 'the standby', ms: 0, unseen: `there is no {{ ${missing[0]} }}` }]
  return await Promise.all(roles.flatMap(({ node, asked }) => {
    if ('problem' in asked) return [Promise.resolve<Seen>({ node: node.name, ms: 0, unseen: asked.problem })]
    return asked.rows[0]!.standby ? [readReplica(node, replica, text, values, context)] : []
  }))
}

/** Polls with a deadline: an asynchronous standby may be a moment behind. */
async function readReplica (node: PostgresNode, { sql, within }: ReplicaRead, text: string, values: string[], context: SmokeContext): Promise<Seen> {
  const from = performance.now()
  const limitMs = durationMs(within)
  for (;;) {
    const asked = await askSql<Record<string, unknown>>(node, sql, values, context)
    const ms = performance.now() - from
    if ('problem' in asked) return { node: node.name, ms, unseen: asked.problem }
    const found = Object.values(asked.rows[0] ?? {})[0]
    if (typeof found === 'string' && digest(found) === digest(text)) return { node: node.name, ms, same: true }
    if (ms > limitMs || context.signal.aborted) return { node: node.name, ms, wrong: found === undefined ? `the row is not there within ${within}` : 'the row reads otherwise (its checksum differs)' }
    await sleep(everyMs, undefined, { signal: context.signal }).catch(() => {})
  }
}

function digest (text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
