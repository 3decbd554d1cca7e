import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import { measureLoad } from '../src/load/measure.js'
import { resultOf } from '../src/load/result.js'
import { planOf } from '../test/fixtures/load.js'

// A part of the load bench in a process of its own, so that its CPU time is its own: `server`, `ours URL RATE SECONDS`, `bare URL RATE
// SECONDS`. The last two print one line of JSON: a Cost.

/** What was sent between the second and the last second, and what it took. `latenessP99Ms`: ours alone. */
export interface Cost { requests: number, cpuMs: number, wallMs: number, errors: number, latenessP99Ms?: number }

interface Mark { requests: number, cpuUs: number, atMs: number }

const everyMs = 500

const [part, url = '', rate = '', seconds = ''] = process.argv.slice(2)
if (part === 'server') server()
else if (part === 'ours') print(await ours(url, Number(rate), Number(seconds)))
else if (part === 'bare') print(await bare(url, Number(rate), Number(seconds)))

function server (): void {
  const body = JSON.stringify({ items: Array.from({ length: 20 }, (_, id) => ({ id, name: `item ${id}` })) })
  const listener = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => { response.setHeader('content-type', 'application/json').end(body) }).listen(0, '127.0.0.1', () => {
    console.log((listener.address() as AddressInfo).port)
  })
}

/** The whole engine: users, pacing, histograms, everything that a run records. */
async function ours (url: string, rate: number, seconds: number): Promise<Cost> {
  const marks: Mark[] = []
  const plan = planOf({ url, scenario: { users: rate * everyMs / 1000, runTime: `${seconds}s`, every: `${everyMs}ms`, spawnRate: rate } })
  const result = resultOf(plan, await measureLoad(plan, { onLive: ({ requests }) => { marks.push(mark(requests)) } }))
  return { ...between(marks), errors: result.total.errors, latenessP99Ms: result.quality.latenessP99Ms }
}

/** No more than undici needs: a paced dispatch, and a body that is thrown away. */
async function bare (url: string, rate: number, seconds: number): Promise<Cost> {
  const pool = new Pool(url, { connections: rate * everyMs / 1000, pipelining: 1 })
  const marks: Mark[] = []
  let [sent, done, errors] = [0, 0, 0]
  const handler = {
    onRequestStart: () => {},
    onResponseEnd: () => { done++ },
    onResponseError: () => { errors++ },
  }
  const begin = performance.now()
  const pace = setInterval(() => {
    for (const due = (performance.now() - begin) * rate / 1000; sent < due; sent++) pool.dispatch({ path: '/', method: 'GET', headers: { 'user-agent': 'bare' } }, handler)
  }, 5)
  const second = setInterval(() => { marks.push(mark(done)) }, 1000)
  await new Promise(resolve => { setTimeout(resolve, seconds * 1000) })
  clearInterval(pace)
  clearInterval(second)
  await pool.close()
  return { ...between(marks), errors }
}

function mark (requests: number): Mark {
  const { user, system } = process.cpuUsage()
  return { requests, cpuUs: user + system, atMs: performance.now() }
}

/** Without the first two seconds, in which threads and connections begin. */
function between (marks: Mark[]): Pick<Cost, 'requests' | 'cpuMs' | 'wallMs'> {
  const [from, to] = [marks[1]!, marks.at(-1)!]
  return { requests: to.requests - from.requests, cpuMs: (to.cpuUs - from.cpuUs) / 1000, wallMs: to.atMs - from.atMs }
}

function print (cost: Cost): void {
  console.log(JSON.stringify(cost))
}
