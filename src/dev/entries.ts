import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DrillError } from '../errors.js'
import { startChild } from './child.js'
import { devFolder, type Started } from './state.js'

export interface EntryOptions {
  root: string
  env: Record<string, string | undefined>
  onStart: (started: Started) => void
}

/** The worker, once it polls. */
export async function startWorker (options: EntryOptions): Promise<Started> {
  return await startEntry('worker', options, said => said.includes('worker ready'))
}

/** The API, once it and what it needs are ready. */
export async function startServer (options: EntryOptions, apiUrl: string): Promise<Started> {
  return await startEntry('server', options, async () => {
    try {
      return (await fetch(`${apiUrl}/readyz`, { signal: AbortSignal.timeout(2000) })).ok
    } catch {
      return false
    }
  })
}

/** The watchdog, once it looks. */
export async function startWatchdog (options: EntryOptions): Promise<Started> {
  return await startEntry('watchdog', options, said => said.includes('watchdog ready'))
}

/** In the mode that this process runs in itself: the build where it is fresh, else the TypeScript. */
async function startEntry (name: 'worker' | 'server' | 'watchdog', { root, env, onStart }: EntryOptions, isReady: (said: string) => boolean | Promise<boolean>): Promise<Started> {
  const source = `src/${name}.ts`
  return await startChild({
    name, command: process.execPath, args: [runner(), source], env, log: join(devFolder(root), `${name}.log`), match: source, onStart, isReady,
    // From the sources the worker bundles its workflows first.
    deadlineMs: 60_000,
    everyMs: 100,
  })
}

/** scripts/run.mjs, beside `src` and above `dist/src`. */
function runner (): string {
  const paths = ['../../scripts/run.mjs', '../../../scripts/run.mjs'].map(path => fileURLToPath(new URL(path, import.meta.url)))
  const found = paths.find(existsSync)
  if (found === undefined) throw new DrillError('internal', 'scripts/run.mjs is missing from this installation')
  return found
}
