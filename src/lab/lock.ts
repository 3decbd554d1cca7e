import { createServer } from 'node:net'

export interface Lock { release: () => Promise<void> }

/**
 * Takes a name for this process, or answers undefined where another one has it. The lock is an abstract unix socket: the
 * kernel gives it back however its holder dies, and it leaves no file.
 */
export async function tryLock (name: string): Promise<Lock | undefined> {
  const server = createServer((socket) => { socket.destroy() })
  const held = await new Promise<boolean>((resolve) => {
    server.once('error', () => { resolve(false) })
    server.listen(`\0muster-${name}`, () => { resolve(true) })
  })
  if (!held) return undefined
  server.unref()
  return { release: () => new Promise((resolve) => { server.close(() => { resolve() }) }) }
}
