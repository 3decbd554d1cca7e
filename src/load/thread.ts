import { Worker, type WorkerOptions } from 'node:worker_threads'
import { DrillError, messageOf } from '../errors.js'
import type { Window } from './generator.js'
import type { Answer, Order } from './generator-thread.js'
import type { GeneratorPlan } from './plan.js'

export interface GeneratorThread {
  ready: Promise<void>
  /** Fulfilled with its last window. Both throw `load.failed` where it dies. */
  ended: Promise<void>
  tell: (order: Order) => void
  kill: () => Promise<unknown>
}

/**
 * Of a thread's heap, for what is new in it. Each request leaves a handful of objects that are gone with its answer: the rarer they
 * are cleared away, the fewer of them still live.
 */
const youngMb = 96

export function startThread (plan: GeneratorPlan, onWindow: (window: Window) => void): GeneratorThread {
  const worker = openThread({ workerData: plan, env: {}, resourceLimits: { maxYoungGenerationSizeMb: youngMb } })
  const failed = new Promise<never>((_resolve, reject) => {
    worker.on('error', error => { reject(new DrillError('load.failed', `a load generator died: ${messageOf(error)}`, { cause: error })) })
    worker.on('exit', code => { reject(new DrillError('load.failed', `a load generator ended before its time, with ${code}`)) })
  })
  failed.catch(() => {})
  const heard = (is: (answer: Answer) => boolean): Promise<void> => new Promise(resolve => { worker.on('message', (answer: Answer) => { if (is(answer)) resolve() }) })
  worker.on('message', (answer: Answer) => { if (answer !== 'ready') onWindow(answer) })
  return {
    ready: Promise.race([heard(answer => answer === 'ready'), failed]),
    ended: Promise.race([heard(answer => answer !== 'ready' && answer.last), failed]),
    tell: order => { worker.postMessage(order) },
    kill: async () => await worker.terminate(),
  }
}

/** It sees no environment: what it needs is in its plan. */
function openThread (options: WorkerOptions & { workerData: GeneratorPlan }): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./generator-thread.js', import.meta.url), options)
  // From the sources: tsx registers itself in the first thread only, so this one is told how to read TypeScript.
  const entry = new URL('./generator-thread.ts', import.meta.url).href
  return new Worker(`import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))}).then(tsx => { tsx.register(); return import(${JSON.stringify(entry)}) })`, { ...options, eval: true })
}
