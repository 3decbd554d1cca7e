import { Pool } from 'undici'

// One generator of load in a process of its own, in plain JavaScript: nothing that is compared is read through a transpiler.
// `ours URL USERS EVERY_MS SECONDS` (prints its lateness as JSON), `bare URL CONNECTIONS`, `autocannon URL CONNECTIONS`; the last two go
// on until they are ended.

const [part, url, ...numbers] = process.argv.slice(2)
if (part === 'ours') await ours(...numbers.map(Number))
else if (part === 'bare') bare(Number(numbers[0]))
else if (part === 'autocannon') await autocannon(Number(numbers[0]))

/** The whole engine as it is built: users, pacing, histograms, everything that a run records, in one thread that sends. */
async function ours (users, everyMs, seconds) {
  const { measureLoad } = await import('../dist/src/load/measure.js')
  const { resultOf } = await import('../dist/src/load/result.js')
  const plan = {
    runId: 'bench', environment: 'bench', seed: 7, target: { url },
    behaviour: { name: 'b', userTypes: { Visitor: { tasks: [{ name: 't', weight: 1, steps: [{ name: 'page', request: { path: '/' } }] }] } } },
    scenario: { name: 'bench', title: 'Bench', users, runTime: `${seconds}s`, spawnRate: 1000, every: `${everyMs}ms`, jitter: 0.2, timeout: '3s', behaviour: 'b', mix: { Visitor: 1 }, thresholds: [] },
  }
  const { total, quality } = resultOf(plan, await measureLoad(plan, { generators: 1 }))
  console.error(total.requests); console.log(JSON.stringify({ errors: total.errors, latenessP99Ms: quality.latenessP99Ms }))
}

/** The least that a generator can do with the same HTTP client: send the next one when an answer is whole, look at its status, and count. */
function bare (connections) {
  const pool = new Pool(url, { connections, pipelining: 1 })
  const options = { path: '/', method: 'GET', headers: { 'user-agent': 'bare' } }
  const counts = { good: 0, bad: 0, bytes: 0 }
  const handler = {
    onRequestStart () {},
    onResponseStart (_controller, status) { if (status < 400) counts.good++; else counts.bad++ },
    onResponseData (_controller, chunk) { counts.bytes += chunk.length },
    onResponseEnd () { pool.dispatch(options, handler) },
    onResponseError (_controller, error) { throw error },
  }
  for (let at = 0; at < connections; at++) pool.dispatch(options, handler)
}

async function autocannon (connections) {
  const { default: run } = await import('autocannon')
  run({ url, connections, pipelining: 1, duration: 3600 })
}
