import { createHash } from 'node:crypto'
import { createServer } from 'node:net'

export interface Lock { release: () => Promise<void> }

/**
 * Makes this process the only one that does something with a folder, or answers undefined where another one is. An abstract unix
 * socket: the kernel gives it back however its holder dies, and it leaves no file that could be stale.
 */
export async function onlyOne (purpose: string, folder: string): Promise<Lock | undefined> {
  const server = createServer(socket => { socket.destroy() })
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 32)
  const held = await new Promise<boolean>(resolve => {
    server.once('error', () => { resolve(false) })
    server.listen(`\0muster-${purpose}-${name}`, () => { resolve(true) })
  })
  if (!held) return undefined
  server.unref()
  return { release: () => new Promise(resolve => { server.close(() => { resolve() }) }) }
}
