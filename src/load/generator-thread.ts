import { parentPort, workerData } from 'node:worker_threads'
import { compileBehaviour } from './compile.js'
import { Generator, type Window } from './generator.js'
import type { GeneratorPlan } from './plan.js'

// One generator in a thread of its own: whatever else the process is busy with, requests go out at their times. It ends itself
// when nobody listens any more.

/** What a generator is told; times are ms, the begin by the machine's monotonic clock. */
export type Order = { begin: number } | { stop: number }
/** What it answers: once that it is ready, then a window a second. */
export type Answer = 'ready' | Window

const port = parentPort!
const plan = workerData as GeneratorPlan
const tell = (answer: Answer): void => { port.postMessage(answer) }
const generator = new Generator(plan, compileBehaviour(plan.behaviour, plan), window => {
  tell(window)
  if (window.last) port.close()
})
port.on('message', (order: Order) => {
  if ('begin' in order) generator.start(order.begin)
  else generator.stop(order.stop)
})
port.on('close', () => { generator.stop(0) })
tell('ready')
