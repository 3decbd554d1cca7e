import { createRequire } from 'node:module'
import type * as workerThreads from 'node:worker_threads'

// The exports that the SDK reads too: the names of an ECMAScript import cannot be set.
const threads = createRequire(import.meta.url)('node:worker_threads') as { Worker: typeof workerThreads.Worker }

/**
 * Run first in a thread of workflows: to the SDK, promises have no hooks here, which it says once by `console.warn`. Node's own, which
 * AsyncLocalStorage lives by, come from the same function and stay.
 */
const withoutHooks = `
import v8 from 'node:v8'
v8.promiseHooks = { ...v8.promiseHooks, createHook () {
  const { warn } = console
  console.warn = () => { console.warn = warn }
  throw new Error('no call stacks')
} }`

const { Worker } = threads

class QuietWorker extends Worker {
  constructor (...[file, options]: ConstructorParameters<typeof Worker>) {
    super(file, { ...options, execArgv: [...options?.execArgv ?? process.execArgv, '--import', `data:text/javascript,${encodeURIComponent(withoutHooks)}`] })
  }
}

let making = 0

/**
 * Makes a worker whose workflows keep no call stack of each promise. The SDK keeps them for one query, the call stack in Temporal's
 * UI, and offers no switch: for every promise it makes an error with a stack by source map, in each workflow task between
 * an approval and the step that waits for it. Errors keep their stacks.
 * @param make starts the threads, and no others meanwhile
 */
export async function withoutCallStacks<T> (make: () => Promise<T>): Promise<T> {
  making++
  threads.Worker = QuietWorker
  try {
    return await make()
  } finally {
    if (--making === 0) threads.Worker = Worker
  }
}
