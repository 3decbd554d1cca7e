/** How many rows a transaction put into, changed in and took out of each table of the WAL (`tablespace/database/filenode`). */
export interface RowCount { inserted: number, updated: number, deleted: number }

export interface RowChanges {
  /** By transaction, then by table. */
  byXid: Map<string, Map<string, RowCount>>
  /** Parts (subtransactions) and the transactions that they belong to. */
  partOf: Map<string, string>
}

export function noRowChanges (): RowChanges {
  return { byXid: new Map(), partOf: new Map() }
}

const heap = /^rmgr: Heap2? .*?tx: +(\d+),.*?desc: ([A-Z_]+)(?:\+INIT)? (.*?), blkref #0: rel (\d+\/\d+\/\d+)/gm
const commit = /^rmgr: Transaction .*?tx: +(\d+),.*?desc: COMMIT\S* .*?subxacts: ((?:\d+ ?)+)/gm
const kinds: Record<string, keyof RowCount> = { INSERT: 'inserted', MULTI_INSERT: 'inserted', UPDATE: 'updated', HOT_UPDATE: 'updated', DELETE: 'deleted' }

/** Adds what pg_waldump prints of the resource managers Heap, Heap2 and Transaction. */
export function countRows (text: string, changes: RowChanges): void {
  for (const [, xid, what, rest, table] of text.matchAll(heap)) {
    const kind = kinds[what!]
    if (kind === undefined) continue
    const tables = changes.byXid.get(xid!) ?? new Map<string, RowCount>()
    const count = tables.get(table!) ?? { inserted: 0, updated: 0, deleted: 0 }
    // Up to version 15 `4 tuples`, later `ntuples: 4`.
    count[kind] += what === 'MULTI_INSERT' ? Number(/^(?:ntuples: )?(\d+)/.exec(rest!)?.[1] ?? 1) : 1
    changes.byXid.set(xid!, tables.set(table!, count))
  }
  for (const [, xid, parts] of text.matchAll(commit)) {
    for (const part of parts!.trim().split(' ')) changes.partOf.set(part, xid!)
  }
}

/** What some transactions did together, by table. */
export function rowsOf (changes: RowChanges, xids: ReadonlySet<string>): Map<string, RowCount> {
  const sum = new Map<string, RowCount>()
  for (const [xid, tables] of changes.byXid) {
    if (!xids.has(changes.partOf.get(xid) ?? xid)) continue
    for (const [table, count] of tables) {
      const total = sum.get(table) ?? { inserted: 0, updated: 0, deleted: 0 }
      sum.set(table, { inserted: total.inserted + count.inserted, updated: total.updated + count.updated, deleted: total.deleted + count.deleted })
    }
  }
  return sum
}
