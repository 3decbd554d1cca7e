import { escapeIdentifier } from 'pg'
import type pg from 'pg'
import type { GuardedColumn } from '../../src/drill/environment.js'

/** Names of a column, as SQL takes them. `damaged`: the condition of a damaged row, whose $1 is the damaged value. */
export function sqlOf ({ table, key, column }: GuardedColumn): { table: string, key: string, column: string, damaged: string } {
  const name = escapeIdentifier(column)
  return { table: table.split('.').map(part => escapeIdentifier(part)).join('.'), key: escapeIdentifier(key), column: name, damaged: `t.${name} is not distinct from $1` }
}

export function columnText ({ table, column }: GuardedColumn): string {
  return `${table}.${column}`
}

export const queryMs = 60_000

/** A transaction that makes nobody wait behind it for long: whoever holds a row must not make everybody else wait behind this step. */
export async function begin (client: pg.Client): Promise<void> {
  await client.query('begin')
  await client.query("set local lock_timeout = '5s'")
}

/** All rows, and those that still are as the damaging transaction left them. */
export async function countLeft (client: pg.Client, column: GuardedColumn, xid: string): Promise<{ rows: number, left: number }> {
  const { table, damaged } = sqlOf(column)
  const { rows: [counted] } = await client.query<{ rows: number, left: number }>(
    `select count(*)::int as rows, count(*) filter (where ${damaged} and t.xmin::text = $2)::int as left from ${table} t`, [column.damagedTo, lowXid(xid)])
  return counted!
}

/** The 32 bits of a transaction that a row carries. */
export function lowXid (xid: string): string {
  return String(BigInt(xid) % 2n ** 32n)
}
