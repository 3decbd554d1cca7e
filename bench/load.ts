import { readFileSync } from 'node:fs'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Bench } from './hold.js'
import { ended, loadServer, start, type LoadServer } from './load-server.js'
import { k6, locust, ofNode, ours, wrk, type LoadTool } from './load-tools.js'
import { spread, type Figure, type Goal } from './measure.js'

const rounds = 9
const connections = 100
/** More than one thread can send: ours is asked for 100,000 requests a second. */
const everyMs = 1
/** By the generator's own CPU time: on a busy machine it comes later. Ours uses part of the warm-up before it sends; what is compiled is compiled by then. */
const [warmUpCpuMs, measuredCpuMs, atMostMs] = [4000, 2000, 300_000]
/** What the shipped stress scenario asks for. */
const stress = { users: 200, everyMs: 500, seconds: 12, fromMs: 4000, toMs: 10_000 }

/** Each peer with the goal of ours beside it: at most so many times its CPU for the same requests. */
const peers: Array<{ name: string, ratio?: number }> = [
  // 0.85 of the bare one's requests for a second of a core.
  { name: 'bare undici Pool.dispatch', ratio: 1 / 0.85 }, { name: 'autocannon', ratio: 1 }, { name: 'wrk' },
  { name: 'k6', ratio: 1 / 2 }, { name: 'Locust FastHttpUser', ratio: 1 / 6 },
]

/** What was sent while it was looked at, and what that took. */
interface Cost { requests: number, cpuMs: number, wallMs: number }
/** So far. */
interface Mark { requests: number, cpuMs: number, atMs: number }

/**
 * What a request costs its generator, with everything recorded, beside other generators on the same server and connections, in turns,
 * each as fast as it goes: CPU seconds of its process are the kernel's, requests are counted by the server, so that nobody is believed
 * what he says of himself. Then what the load of a shipped scenario costs.
 */
export async function load ({ hold, tell }: Bench): Promise<Figure[]> {
  await checkBuilt()
  const server = await loadServer(hold)
  const folder = await hold.folder()
  const found = [
    ours(server.url, connections, everyMs, 3600), ofNode('bare', server.url, connections), ofNode('autocannon', server.url, connections),
    await wrk(server.url, connections, tell), await k6(server.url, connections, folder), await locust(server.url, connections, folder),
  ]
  const [own, ...others] = found
  const costs = new Map<LoadTool, Cost[]>()
  for (let round = 1; round <= rounds; round++) {
    for (const tool of found) {
      if (tool === undefined) continue
      const child = await hold.take(start(tool.command[0]!, tool.command.slice(1)), started => ended(started, 'SIGKILL'))
      const cost = await costOf(child, server)
      await ended(child, 'SIGKILL')
      tell(`round ${round} of ${rounds}: ${tool.name} ${perThousand(cost).toFixed(1)} ms of CPU for 1,000 requests, ${Math.round(cost.requests / cost.wallMs * 1000)} a second`)
      costs.set(tool, [...costs.get(tool) ?? [], cost])
    }
  }
  const spreadOf = (tool: LoadTool) => spread(costs.get(tool)!.map(perThousand))
  const figures = peers.map(({ name, ratio }, index): Figure => {
    const tool = others[index]
    const goals: Goal[] = ratio === undefined ? [] : [{ of: 'p50', ratio }]
    const what = `load: CPU for 1,000 requests, beside ${name}`
    return tool === undefined
      ? { what, unit: 'ms', ours: spreadOf(own!), absent: 'not installed', goals, notes: [] }
      : { what, unit: 'ms', ours: spreadOf(own!), peer: { name, ...spreadOf(tool) }, goals, notes: [] }
  })
  return [...figures, ...await stressed(server, { hold, tell })]
}

async function stressed (server: LoadServer, { hold, tell }: Pick<Bench, 'hold' | 'tell'>): Promise<Figure[]> {
  const rate = stress.users * 1000 / stress.everyMs
  const lateness: number[] = []
  const cores: number[] = []
  for (let round = 1; round <= rounds; round++) {
    const { command } = ours(server.url, stress.users, stress.everyMs, stress.seconds)
    const child = await hold.take(start(command[0]!, command.slice(1), 'pipe'), ended)
    const said = line(child)
    await sleep(stress.fromMs)
    const from = await mark(child, server)
    await sleep(stress.toMs - stress.fromMs)
    const to = await mark(child, server)
    const { errors, latenessP99Ms } = JSON.parse(await said) as { errors: number, latenessP99Ms: number }
    if (errors > 0) throw new Error(`${errors} requests failed`)
    lateness.push(latenessP99Ms)
    cores.push((to.cpuMs - from.cpuMs) / (to.atMs - from.atMs))
    tell(`round ${round} of ${rounds}, ${rate} a second: lateness p99 ${latenessP99Ms.toFixed(1)} ms, ${cores.at(-1)!.toFixed(2)} of a core`)
  }
  return [
    { what: `load: lateness (p99 of a run) at ${rate} requests a second`, unit: 'ms', ours: spread(lateness), goals: [{ of: 'p50', below: 10 }], notes: [] },
    { what: `load: cores at ${rate} requests a second`, unit: 'cores', ours: spread(cores), goals: [{ of: 'p50', below: 0.5 }], notes: [] },
  ]
}

/** Ours runs as it is built. @throws Error where that is not what the sources say */
async function checkBuilt (): Promise<void> {
  const { buildFresh } = await import(new URL('../scripts/build.mjs', import.meta.url).href) as { buildFresh: (root: string) => boolean }
  if (!buildFresh(fileURLToPath(new URL('..', import.meta.url)))) throw new Error('dist/ is not built from these sources: npm run build')
}

async function costOf (child: ChildProcess, server: LoadServer): Promise<Cost> {
  const from = await markAfter(warmUpCpuMs, child, server)
  const to = await markAfter(from.cpuMs + measuredCpuMs, child, server)
  return { requests: to.requests - from.requests, cpuMs: to.cpuMs - from.cpuMs, wallMs: to.atMs - from.atMs }
}

async function markAfter (cpuMs: number, child: ChildProcess, server: LoadServer): Promise<Mark> {
  for (const untilMs = performance.now() + atMostMs; ; await sleep(100)) {
    const found = await mark(child, server)
    if (found.cpuMs >= cpuMs) return found
    if (performance.now() > untilMs) throw new Error(`${child.spawnargs.join(' ')} did not use ${cpuMs} ms of CPU within ${atMostMs} ms`)
  }
}

/** @throws Error where the process is gone */
async function mark (child: ChildProcess, server: LoadServer): Promise<Mark> {
  const requests = await server.requests()
  // User and system time of all threads, in hundredths of a second, are fields 14 and 15; the name, field 2, may hold anything.
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ')
  return { requests, cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, atMs: performance.now() }
}

function perThousand ({ requests, cpuMs }: Cost): number {
  return cpuMs / requests * 1000
}

/** The first line that a part says. @throws Error where it ends without one */
async function line (child: ChildProcess): Promise<string> {
  const { value, done } = await createInterface(child.stdout!)[Symbol.asyncIterator]().next() as IteratorResult<string, undefined>
  if (!done) return value
  throw new Error(`a part of the bench ended with ${child.exitCode} and said nothing`)
}
