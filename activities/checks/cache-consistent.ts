import { isDeepStrictEqual } from 'node:util'
import type { CheckInputs, CheckResult } from '../../src/drill/checks.js'
import type { CachedPage, DatabaseCluster } from '../../src/drill/environment.js'
import { messageOf } from '../../src/errors.js'
import type { Check, StepContext } from '../action.js'
import { withClient } from '../postgres/connection.js'
import { pageReader } from './cached-page.js'

/**
 * Each cached page against the database. People go on ordering meanwhile: a page is right when it says what the database said just
 * before or just after it was read. What is allowed to be old is up to the runbook's `within`.
 */
export const cacheConsistent: Check<CheckInputs['cache.consistent']> = async ({ cache, api, database }, context) => {
  const pages = cache.pages ?? []
  const expected = `all ${pages.length} cached pages say what the database says`
  const blind = (observed: string): CheckResult => ({ outcome: 'blind', observed, expected, output: {} })
  if (pages.length === 0) return blind('the environment names no cached page (cache.pages)')
  const reader = pageReader(api, context.drillId, context.signal)
  const wrong: string[] = []
  const unasked: string[] = []
  let hits = 0
  try {
    for (const page of pages) {
      try {
        const before = await truth(database, page, context)
        const { body, hit } = await reader.read(page.path)
        if (hit) hits++
        if (!isDeepStrictEqual(body, before) && !isDeepStrictEqual(body, await truth(database, page, context))) {
          wrong.push(`${page.name} says ${short(body)}, the database ${short(before)}`)
        }
      } catch (error) {
        context.signal.throwIfAborted()
        unasked.push(`${page.name}: ${messageOf(error)}`)
      }
    }
  } finally {
    reader.close()
  }
  const output = { pages: pages.length, wrong: wrong.length, hits }
  if (wrong.length > 0) return { outcome: 'fail', observed: [...wrong, ...unasked].join('; '), expected, output }
  if (unasked.length > 0) return blind(unasked.join('; '))
  return { outcome: 'pass', observed: `${pages.length} of ${pages.length} pages say what the database says, ${hits} of them out of the cache`, expected, output }
}

async function truth (database: DatabaseCluster, { sql }: CachedPage, context: StepContext): Promise<unknown> {
  const rows = await withClient(database.endpoint, context, async client => {
    await client.query('begin read only')
    return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows
  })
  if (rows.length !== 1) throw new Error(`the truth is ${rows.length} rows, not one`)
  return rows[0]![0]
}

function short (value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
