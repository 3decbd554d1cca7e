import type { CheckInputs, CheckResult } from '../../src/drill/checks.js'
import { messageOf } from '../../src/errors.js'
import type { Check } from '../action.js'
import { withClient, type Login, type Reach } from '../postgres/connection.js'

/** Each invariant of the environment, asked through the endpoint in a transaction that cannot write. */
export const postgresInvariants: Check<CheckInputs['postgres.invariants']> = async ({ database }, context) => await askInvariants(database.endpoint, database.invariants ?? [], context)

/** The same of any server that holds the application's data. */
export async function askInvariants (login: Login, invariants: Array<{ name: string, sql: string }>, context: Reach): Promise<CheckResult> {
  const expected = `all ${invariants.length} invariants hold`
  if (invariants.length === 0) return { outcome: 'blind', observed: 'the environment has no invariants', expected: 'at least one invariant', output: {} }
  const broken: string[] = []
  const unasked: string[] = []
  const ask = async ({ name, sql }: { name: string, sql: string }): Promise<void> => {
    try {
      // A connection each: an invariant that fails to run must not keep the next from being asked.
      const rows = await withClient(login, context, async client => {
        await client.query('begin read only')
        return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows
      })
      const answer = rows.length === 1 ? rows[0]![0] : undefined
      if (answer === false) broken.push(name)
      else if (answer !== true) unasked.push(`"${name}" answered ${rows.length === 1 ? JSON.stringify(answer) : `${rows.length} rows`}, not one boolean`)
    } catch (error) {
      context.signal.throwIfAborted()
      unasked.push(`"${name}": ${messageOf(error)}`)
    }
  }
  for (const invariant of invariants) await ask(invariant)
  const output = { asked: invariants.length - unasked.length, broken }
  if (broken.length > 0) return { outcome: 'fail', observed: [...broken.map(name => `"${name}" does not hold`), ...unasked].join('; '), expected, output }
  if (unasked.length > 0) return { outcome: 'blind', observed: unasked.join('; '), expected, output }
  return { outcome: 'pass', observed: `${invariants.length} of ${invariants.length} invariants hold`, expected, output }
}
