import type { Environment } from '../drill/environment.js'
import { tryDurationMs } from '../drill/duration.js'

/** What a schema cannot say about an environment. */
export function checkEnvironment (environment: Environment, report: (pointer: string, message: string, hint?: string) => void): void {
  const { database, cache, api, blackouts = [], objectives, limits } = environment
  unique('/database/nodes', database?.nodes)
  unique('/cache/nodes', cache?.nodes)
  unique('/api/instances', api?.instances)
  unique('/database/invariants', database?.invariants)
  if (objectives && tryDurationMs(objectives.rto) === 0) report('/objectives/rto', 'no recovery takes no time', 'an objective above 0')
  if (tryDurationMs(limits?.fault) === 0) report('/limits/fault', 'no fault lasts no time', 'a time above 0')
  for (const [index, { from, to }] of blackouts.entries()) {
    const [start, end] = [Date.parse(from), Date.parse(to)]
    if (Number.isNaN(start)) report(`/blackouts/${index}/from`, `there is no such time as ${from}`)
    if (Number.isNaN(end)) report(`/blackouts/${index}/to`, `there is no such time as ${to}`)
    if (end <= start) report(`/blackouts/${index}/to`, 'ends before it begins')
  }

  function unique (pointer: string, parts: Array<{ name: string }> = []): void {
    for (const [index, { name }] of parts.entries()) {
      if (parts.findIndex(other => other.name === name) < index) report(`${pointer}/${index}/name`, `there are two named "${name}"`)
    }
  }
}
