import type { WrittenCanary } from '../../src/drill/loss.js'
import { messageOf } from '../../src/errors.js'
import { addAck, type Acks } from './acks.js'
import { connectTo, isAnswer, Unanswered, type Address, type Connection } from './connection.js'
import type { Journal } from './journal.js'

/** Counts of canaries. Plain data: it goes from one attempt to the next. */
export interface CanaryTotals {
  issued: number
  acked: number
  refused: number
  unknown: number
  missed: number
  acks: Acks
}

export interface CanaryOptions {
  address: Address
  drillId: string
  writers: number
  perSecond: number
  connectMs: number
  /** The client's own deadline of one write. */
  writeMs: number
  journal: Journal
  totals: CanaryTotals
  now: () => number
  onSettled?: (canary: WrittenCanary) => void
}

export const canarySql = `insert into muster_canary.canaries (drill, run, writer, seq) values ($1, $2, $3, $4)
  returning pg_current_xact_id()::text, pg_current_wal_insert_lsn()::text`

/** Between two tries to connect, of all writers together: the first good write is found soon, and nobody is hammered. */
const betweenTriesMs = 10

/** SQLSTATEs after which the same connection will not do any more: read-only, shutting down, out of resources. */
const deadEnds = /^(25006|57P|53)/

/**
 * Writers that write one row at each of their ticks, which are set beforehand. A tick without a connection is a refused canary; a
 * tick at which the last write is still out is counted as missed. A lost connection is opened again at once, and the first
 * thing on a new one is a write. `failed` rejects when the journal cannot be written: nothing is sent then.
 */
export function startCanaries (options: CanaryOptions): { stop: () => Promise<void>, failed: Promise<never> } {
  const { writers, perSecond, journal, totals, now } = options
  const periodMs = writers * 1000 / perSecond
  const worthMs = Math.max(50, 3000 / perSecond)
  const wakers: Array<() => void> = []
  const life = { over: false }
  let nextTryMs = 0

  /** Until then, or until the writer is woken: its connection is gone, or it must stop. */
  const sleepUntil = async (writer: number, atMs: number): Promise<void> => {
    const ms = atMs - now()
    if (ms <= 0 || life.over) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, ms)
      wakers[writer] = () => { clearTimeout(timer); resolve() }
    })
  }

  const settled = (canary: WrittenCanary): void => {
    totals[canary.outcome]++
    options.onSettled?.(canary)
  }

  const refuse = (writer: number, seq: number, issuedAtMs: number, error: string): void => {
    totals.issued++
    const settledAtMs = now()
    journal.refused(writer, seq, settledAtMs, error, issuedAtMs)
    settled({ run: journal.run, writer, seq, issuedAtMs, outcome: 'refused', settledAtMs, error })
  }

  const connect = async (writer: number): Promise<Connection | undefined> => {
    nextTryMs = Math.max(now(), nextTryMs + betweenTriesMs)
    await sleepUntil(writer, nextTryMs)
    if (life.over) return undefined
    try {
      return await connectTo(options.address, { deadlineMs: options.connectMs, applicationName: 'muster canary', onLost: () => { wakers[writer]?.() } })
    } catch {
      // The probe tells why; here only the writes that were not possible count.
      return undefined
    }
  }

  /** False where the connection is of no more use. */
  const write = async (connection: Connection, writer: number, seq: number): Promise<boolean> => {
    const issuedAtMs = now()
    const canary = { run: journal.run, writer, seq, issuedAtMs }
    journal.issued(writer, seq, issuedAtMs)
    totals.issued++
    try {
      const { rows: [row], doubt } = await connection.ask({ name: 'canary', text: canarySql, values: [options.drillId, journal.run, writer, seq] }, options.writeMs)
      const settledAtMs = now()
      if (doubt !== undefined) {
        journal.unknown(writer, seq, settledAtMs, doubt)
        settled({ ...canary, outcome: 'unknown', settledAtMs, error: doubt })
        return true
      }
      const [xid, lsn] = row as [string, string]
      journal.acked(writer, seq, settledAtMs, xid, lsn)
      addAck(totals.acks, settledAtMs, worthMs)
      settled({ ...canary, outcome: 'acked', settledAtMs, xid, lsn })
      return true
    } catch (cause) {
      if (!isAnswer(cause) && !(cause instanceof Unanswered)) throw cause
      const settledAtMs = now()
      const error = messageOf(cause)
      const outcome = isAnswer(cause) ? 'refused' : 'unknown'
      journal[outcome](writer, seq, settledAtMs, error)
      settled({ ...canary, outcome, settledAtMs, error })
      return isAnswer(cause) && !deadEnds.test(cause.code ?? '')
    }
  }

  const run = async (writer: number): Promise<void> => {
    let seq = 0
    let due: number | undefined
    let connection: Connection | undefined
    try {
      while (!life.over) {
        const fresh = !connection?.usable()
        if (connection?.usable()) {
          await sleepUntil(writer, due!)
        } else {
          connection?.close()
          connection = await connect(writer)
        }
        if (life.over) break
        // Before the first connection there is nothing that an outage could refuse.
        due ??= connection ? now() + writer * periodMs / writers : undefined
        if (!connection?.usable()) {
          for (; due !== undefined && due <= now(); due += periodMs) refuse(writer, seq++, due, 'no connection')
          continue
        }
        // Woken early by nothing that matters, e.g. by the end of an older connection.
        if (!fresh && due! > now()) continue
        if (due! <= now()) due! += periodMs
        const usable = await write(connection, writer, seq++)
        for (; due! + periodMs <= now(); due! += periodMs) totals.missed++
        if (!usable) connection.close()
      }
    } finally {
      connection?.close()
    }
  }

  const all = Promise.all(Array.from({ length: writers }, (_, writer) => run(writer)))
  const failed = new Promise<never>((_resolve, reject) => { all.catch(reject) })
  failed.catch(() => {})
  return {
    failed,
    async stop () {
      life.over = true
      for (const wake of wakers) wake?.()
      await all.catch(() => {})
    },
  }
}
