import { connect as connectSocket } from 'node:net'
import { Client, DatabaseError } from 'pg'

/** Where and as whom to connect. The password is the secret itself: never log or return an address that has one. */
export interface Address { host: string, port: number, user: string, password?: string, database: string }

/** One connection whose every wait ends at the caller's own deadline: statement_timeout does not fire while a commit waits for a standby. */
export interface Connection {
  /** When it was open, epoch ms. */
  openedAtMs: number
  /** False as soon as the connection is known to be gone. */
  usable: () => boolean
  /** Throws an Unanswered when the answer is not there in time or the connection dies, the server's own DatabaseError otherwise. */
  ask: (query: { text: string, values?: unknown[], name?: string }, deadlineMs: number) => Promise<Answer>
  /** Ends it now, without waiting for anything. */
  close: () => void
}

export interface Answer {
  rows: unknown[][]
  /** A cancelled wait for the synchronous standby: committed here, perhaps nowhere else. The answer is no acknowledgement then. */
  doubt?: string
}

/** The question was (or may have been) sent and no answer came: what it asked for may have happened. */
export class Unanswered extends Error {}

/** Opens a connection within `deadlineMs`; throws the network's or the server's error. */
export async function connectTo (address: Address, options: { deadlineMs: number, applicationName: string, onLost?: () => void }): Promise<Connection> {
  const client = new Client({
    ...address,
    password: address.password ?? '',
    // What is not said here would be read from PG… variables of the worker.
    ssl: false,
    connectionTimeoutMillis: options.deadlineMs,
    application_name: options.applicationName,
  })
  let alive = true
  let doubt: string | undefined
  let died: (error: Error) => void = () => {}
  const lose = (error: Error): void => {
    const first = alive
    alive = false
    died(error)
    if (first) options.onLost?.()
  }
  client.on('error', lose)
  client.on('end', () => { lose(new Error('the connection was closed')) })
  client.on('notice', notice => {
    if (/cancell?ing (the )?wait for synchronous replication/.test(notice.message ?? '')) doubt = notice.message
  })
  const inner = client as unknown as { connection: { stream: { destroy: () => void } }, processID: number | null, secretKey: number | null }
  const close = (): void => {
    alive = false
    inner.connection.stream.destroy()
  }
  try {
    await client.connect()
  } catch (error) {
    close()
    throw error
  }
  const abandon = (): void => {
    close()
    // Else the backend would wait on for a standby that may never come, and one outage would use up every connection there is.
    if (inner.processID !== null && inner.secretKey !== null) cancel(address, inner.processID, inner.secretKey)
  }
  return {
    openedAtMs: Date.now(),
    usable: () => alive,
    close,
    async ask (query, deadlineMs) {
      doubt = undefined
      let timer: NodeJS.Timeout | undefined
      const lost = new Promise<never>((_resolve, reject) => {
        died = error => { reject(new Unanswered(error.message)) }
        timer = setTimeout(() => {
          reject(new Unanswered(`no answer within ${deadlineMs} ms`))
          abandon()
        }, deadlineMs)
      })
      try {
        const result = await Promise.race([client.query<unknown[]>({ ...query, values: query.values ?? [], rowMode: 'array' }), lost])
        return { rows: result.rows, doubt }
      } catch (error) {
        if (error instanceof Unanswered || isAnswer(error)) throw error
        throw new Unanswered(error instanceof Error ? error.message : String(error))
      } finally {
        clearTimeout(timer)
        died = () => {}
      }
    },
  }
}

/** The server's own answer that it did not do it. A FATAL is none: the backend may have died after its commit. */
export function isAnswer (error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.severity === 'ERROR'
}

/** A cancel request of the protocol: a connection of its own, never answered. Best effort. */
function cancel (address: Address, processId: number, secretKey: number): void {
  const request = Buffer.alloc(16)
  request.writeInt32BE(16, 0)
  request.writeInt32BE(80877102, 4)
  request.writeInt32BE(processId, 8)
  request.writeInt32BE(secretKey, 12)
  const socket = connectSocket({ host: address.host, port: address.port }, () => { socket.end(request) })
  socket.setTimeout(1_000, () => { socket.destroy() })
  socket.on('error', () => {})
  socket.unref()
}
