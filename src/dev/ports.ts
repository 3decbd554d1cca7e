import { createServer } from 'node:net'
import { randomInt } from 'node:crypto'
import { DrillError } from '../errors.js'

export interface Ports { api: number, temporal: number, temporalUi: number, store: number }

export const usualPorts: Ports = { api: 4400, temporal: 7233, temporalUi: 8233, store: 4401 }

/** Below what Linux takes outgoing ports from (32768), apart from the lab's (20000 and up), and above 10080, which `fetch` refuses to ask. */
const first = 10_081
const last = 19_999

/**
 * The usual ports where they are free, else other ones; with `free` other ones at once.
 * @param wanted ports of an earlier start, asked first: addresses that people have noted stay as they are
 */
export async function choosePorts (which: 'usual' | 'free', wanted: Partial<Ports> = {}): Promise<Ports> {
  const taken = new Set<number>()
  const ports = {} as Ports
  for (const name of Object.keys(usualPorts) as Array<keyof Ports>) {
    const candidates = which === 'usual' ? [usualPorts[name], wanted[name]] : []
    ports[name] = await firstFree(candidates.filter(port => port !== undefined), taken)
    taken.add(ports[name])
  }
  return ports
}

async function firstFree (candidates: number[], taken: Set<number>): Promise<number> {
  for (const port of candidates) if (!taken.has(port) && await isFree(port)) return port
  for (let tries = 0; tries < 500; tries++) {
    const port = randomInt(first, last + 1)
    if (!taken.has(port) && await isFree(port)) return port
  }
  throw new DrillError('dev.failed', `no free port was found between ${first} and ${last}`)
}

export function isFree (port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => { resolve(false) })
    server.listen(port, '127.0.0.1', () => { server.close(() => { resolve(true) }) })
  })
}
