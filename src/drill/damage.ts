/** A transaction that rows carry as the one that wrote them last. `xid`: the 32 bits that a row has room for, decimal. */
export interface Writer { xid: string, rows: number }

export interface Culprit {
  xid: string
  rows: number
  /** Damaged rows that others wrote. */
  others: number
}

/**
 * The transaction that damaged a column: the one that more of the damaged rows carry than all others together. Throws a RangeError
 * where there is none such: then a person must say which.
 */
export function culpritOf (writers: readonly Writer[]): Culprit {
  const total = writers.reduce((sum, { rows }) => sum + rows, 0)
  const most = writers.reduce<Writer | undefined>((last, one) => last === undefined || one.rows > last.rows ? one : last, undefined)
  if (most === undefined) throw new RangeError('no row is damaged')
  if (most.rows * 2 <= total) throw new RangeError(`no transaction wrote most of the ${total} damaged rows: ${most.xid} wrote ${most.rows}`)
  return { xid: most.xid, rows: most.rows, others: total - most.rows }
}

/** The full number of a transaction of which a row has 32 bits, by the next one to be given out: it lies less than 2^31 before it. */
export function fullXid (low: string, next: string): string {
  const size = 2n ** 32n
  const xid = BigInt(next) / size * size + BigInt(low)
  return String(xid >= BigInt(next) ? xid - size : xid)
}
