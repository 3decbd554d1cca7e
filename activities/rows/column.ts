import { escapeIdentifier } from 'pg'
import type { GuardedColumn } from '../../src/drill/environment.js'

/** Names of a column, as SQL takes them. `damaged`: the condition of a damaged row, whose $1 is the damaged value. */
export function sqlOf ({ table, key, column }: GuardedColumn): { table: string, key: string, column: string, damaged: string } {
  const name = escapeIdentifier(column)
  return { table: table.split('.').map(part => escapeIdentifier(part)).join('.'), key: escapeIdentifier(key), column: name, damaged: `t.${name} is not distinct from $1` }
}

export function columnText ({ table, column }: GuardedColumn): string {
  return `${table}.${column}`
}

/** The 32 bits of a transaction that a row carries. */
export function lowXid (xid: string): string {
  return String(BigInt(xid) % 2n ** 32n)
}
