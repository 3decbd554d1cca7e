import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { SentOrder } from '../../src/drill/orders.js'
import { DrillError } from '../../src/errors.js'

/**
 * The record of orders, outside the system under drill: one append-only file a run, `orders/<drill>.<run>.jsonl` under the data folder.
 * A line is in the page cache before its order is sent, so a SIGKILL of the worker loses none.
 */
export type OrderEvent =
  /** The customer's newest order before the drill's first one; null where there is none. */
  | { since: string | null }
  | { session: 'opened' | 'lost', customer: number, atMs: number }
  | { number: number, customer: number, issued: number }
  | { number: number, resent: number, why: string }
  | { number: number, placed: number }
  | { number: number, refused: number, error: string }
  | { number: number, unknown: number, error: string }

export interface OrderJournal { put: (event: OrderEvent) => void, close: () => void }

export interface OrderRecord {
  since?: string | null
  orders: SentOrder[]
  sessions: Array<{ session: 'opened' | 'lost', customer: number, atMs: number }>
}

const folderOf = (dataDir: string): string => join(dataDir, 'orders')

/** Opens the journal of a new run: one more than the highest that is there. */
export function openOrderJournal (dataDir: string, drillId: string): OrderJournal {
  mkdirSync(folderOf(dataDir), { recursive: true })
  let run = Math.max(0, ...runsOf(dataDir, drillId)) + 1
  for (;;) {
    try {
      // An earlier attempt that is not dead yet must never share a file with this one.
      const file = openSync(join(folderOf(dataDir), `${drillId}.${run}.jsonl`), 'ax', 0o640)
      return { put: event => { writeSync(file, JSON.stringify(event) + '\n') }, close: () => { closeSync(file) } }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      run++
    }
  }
}

/** Everything that a drill's customers did, over all runs. Throws where a file cannot be read or understood. */
export function readOrders (dataDir: string, drillId: string): OrderRecord {
  const record: OrderRecord = { orders: [], sessions: [] }
  const orders = new Map<number, SentOrder>()
  for (const run of runsOf(dataDir, drillId)) {
    // A half line at the very end is what a killed worker leaves.
    const lines = readFileSync(join(folderOf(dataDir), `${drillId}.${run}.jsonl`), 'utf8').split('\n').slice(0, -1)
    for (const [index, line] of lines.entries()) take(parse(line, index), record, orders)
  }
  return { ...record, orders: [...orders.values()] }
}

function take (event: OrderEvent, record: OrderRecord, orders: Map<number, SentOrder>): void {
  if ('since' in event) record.since ??= event.since
  else if ('session' in event) record.sessions.push(event)
  else if ('issued' in event) orders.set(event.number, { number: event.number, customer: event.customer, issuedAtMs: event.issued, outcome: 'unknown', resent: 0 })
  else {
    const order = orders.get(event.number)
    if (!order) return
    if ('resent' in event) order.resent++
    else if ('placed' in event) Object.assign(order, { outcome: 'placed', settledAtMs: event.placed })
    else if ('refused' in event) Object.assign(order, { outcome: 'refused', settledAtMs: event.refused })
    else order.settledAtMs = event.unknown
  }
}

function parse (text: string, index: number): OrderEvent {
  try {
    return JSON.parse(text) as OrderEvent
  } catch {
    throw new DrillError('component.unexpected', `line ${index + 1} of the order journal is damaged`)
  }
}

function runsOf (dataDir: string, drillId: string): number[] {
  let names: string[]
  try {
    names = readdirSync(folderOf(dataDir))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return names.filter(name => name.startsWith(`${drillId}.`)).flatMap(name => {
    const run = /^(\d+)\.jsonl$/.exec(name.slice(drillId.length + 1))?.[1]
    return run === undefined ? [] : [Number(run)]
  }).sort((a, b) => a - b)
}
