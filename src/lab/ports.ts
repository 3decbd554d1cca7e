import { createServer } from 'node:net'
import { DrillError } from '../errors.js'
import { portNames, sparePorts, type Ports } from './layout.js'
import { tryLock, type Lock } from './lock.js'

// Below the range that Linux takes outgoing ports from (32768): else a client's own port could sit on a killed server's.
const firstPort = 20_000
const blockSize = 40
const blocks = 319

export interface Reservation { ports: Ports, lock: Lock }

/**
 * Takes a run of free ports. The block stays locked until `lock.release()`, to be called once every server listens: so two
 * labs that start at the same moment never get the same ports.
 * @param wanted ports of an earlier start, kept where they are still free
 * @param seed where to begin looking (any number)
 */
export async function reservePorts (wanted: Ports | undefined, seed: number): Promise<Reservation> {
  const home = wanted === undefined ? seed % blocks : Math.floor((wanted[portNames[0]] - firstPort) / blockSize)
  for (let step = 0; step < blocks; step++) {
    const first = firstPort + ((home + step) % blocks) * blockSize
    const lock = await tryLock(`ports-${first}`)
    if (lock === undefined) continue
    const ports = Object.fromEntries(portNames.map((name, index) => [name, first + index])) as Ports
    if (await allFree([...Object.values(ports), ...Object.values(sparePorts(ports))])) return { ports, lock }
    await lock.release()
  }
  throw new DrillError('lab.failed', `No ${portNames.length} consecutive free ports between ${firstPort} and ${firstPort + blocks * blockSize}`)
}

async function allFree (ports: number[]): Promise<boolean> {
  return (await Promise.all(ports.map(isFree))).every(Boolean)
}

function isFree (port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => { resolve(false) })
    server.listen(port, '127.0.0.1', () => { server.close(() => { resolve(true) }) })
  })
}
