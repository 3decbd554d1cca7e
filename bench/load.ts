import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Bench } from './hold.js'
import type { Cost } from './load-part.js'
import { spread, type Figure } from './measure.js'

const rounds = 3
const seconds = 10
/** The most that one generator is given. */
const fullRate = 1500
/** What the shipped stress scenario asks for. */
const stressRate = 400

/** What a request costs its generator, with everything recorded, beside a bare dispatch of the same HTTP client, in turns. */
export async function load ({ hold, tell }: Bench): Promise<Figure[]> {
  const server = await hold.take(start('server'), ended)
  const url = `http://127.0.0.1:${await line(server)}`
  const run = async (part: 'ours' | 'bare', rate: number): Promise<Cost> => {
    const child = await hold.take(start(part, url, String(rate), String(seconds)), ended)
    const cost = JSON.parse(await line(child)) as Cost
    if (cost.errors > 0) throw new Error(`${cost.errors} requests of ${part} failed`)
    return cost
  }
  const costs: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] }
  const lateness: number[] = []
  const cores: number[] = []
  for (let round = 1; round <= rounds; round++) {
    tell(`round ${round} of ${rounds}`)
    for (const part of ['ours', 'bare'] as const) {
      const { requests, cpuMs } = await run(part, fullRate)
      costs[part].push(cpuMs / requests * 1000)
    }
    const stress = await run('ours', stressRate)
    lateness.push(stress.latenessP99Ms ?? Infinity)
    cores.push(stress.cpuMs / stress.wallMs)
  }
  return [
    {
      what: `load: CPU for 1,000 requests, at ${fullRate} a second`, unit: 'ms', ours: spread(costs.ours), peer: { name: 'bare undici Pool.dispatch', ...spread(costs.bare) },
      // 0.85 of the bare one's requests for a second of a core.
      goals: [{ of: 'p50', ratio: 1 / 0.85 }], notes: [],
    },
    {
      what: `load: lateness (p99 of a run) at ${stressRate} requests a second`, unit: 'ms', ours: spread(lateness),
      goals: [{ of: 'p50', below: 10 }], notes: [`cores used, by round: ${cores.map(share => share.toFixed(2)).join(', ')}; goal below 0.50`],
    },
  ]
}

async function start (...args: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('load-part.ts', import.meta.url)), ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child, 'spawn')
  return child
}

/** The first line that a part says. @throws Error where it ends without one */
async function line (child: ChildProcess): Promise<string> {
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]()
  const { value, done } = await lines.next() as IteratorResult<string, undefined>
  if (!done) return value
  throw new Error(`a part of the bench ended with ${child.exitCode} and said nothing`)
}

async function ended (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
