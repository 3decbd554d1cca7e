import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from './hold.js'

/** What makes load until it is ended, in one process: a command with its arguments. */
export interface LoadTool { name: string, command: string[] }

const part = fileURLToPath(new URL('load-part.mjs', import.meta.url))

export function ours (url: string, users: number, everyMs: number, seconds: number): LoadTool {
  return { name: 'ours', command: [process.execPath, part, 'ours', url, users, everyMs, seconds].map(String) }
}

/** Without an own script: what comes with npm. */
export function ofNode (name: 'bare' | 'autocannon', url: string, connections: number): LoadTool {
  return { name, command: [process.execPath, part, name, url, String(connections)] }
}

/** wrk: the machine's own, or Debian's package out of the cache. */
export async function wrk (url: string, connections: number, tell: Bench['tell']): Promise<LoadTool | undefined> {
  const path = await onMachine('wrk') ?? await fetched(tell)
  return path === undefined ? undefined : { name: 'wrk', command: [path, '-t1', `-c${connections}`, '-d3600s', url] }
}

/** k6, where the machine has it: one request after the other, its answer looked at. */
export async function k6 (url: string, connections: number, folder: string): Promise<LoadTool | undefined> {
  const path = await onMachine('k6')
  if (path === undefined) return undefined
  const script = join(folder, 'k6.js')
  writeFileSync(script, `import http from 'k6/http'
import { check } from 'k6'
export default function () { check(http.get('${url}/'), { good: response => response.status < 400 }) }
`)
  return { name: 'k6', command: [path, 'run', '--quiet', '--no-usage-report', '--vus', String(connections), '--duration', '3600s', script] }
}

/** Locust's quicker client, where the machine has it. */
export async function locust (url: string, connections: number, folder: string): Promise<LoadTool | undefined> {
  const path = await onMachine('locust')
  if (path === undefined) return undefined
  const script = join(folder, 'locustfile.py')
  writeFileSync(script, `from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0)

    @task
    def page(self):
        self.client.get("/")
`)
  const users = String(connections)
  return { name: 'Locust FastHttpUser', command: [path, '-f', script, '--host', url, '--headless', '-u', users, '-r', users, '-t', '3600s', '--loglevel', 'ERROR', '--only-summary'] }
}

async function onMachine (name: string): Promise<string | undefined> {
  const { onPath } = await setupPart('machine') as { onPath: (name: string) => string | undefined }
  return onPath(name)
}

/** Undefined where nothing can be fetched: the bench says that it is not installed. */
async function fetched (tell: Bench['tell']): Promise<string | undefined> {
  const [{ cacheDir }, { Debian }, { findFamily }, { system }] = await Promise.all(['cache', 'debian', 'servers', 'machine'].map(setupPart)) as [
    { cacheDir: () => string }, { Debian: new (cache: string) => { trees: (families: object[], tell: Bench['tell']) => Promise<unknown>, clean: () => void } },
    { findFamily: (cache: string, name: string, family: object) => Promise<{ wrk: { path: string } } | undefined> }, { system: () => { debian: boolean } }
  ]
  const cache = cacheDir()
  // It prints its version with an exit code of its own.
  const family = { packages: ['wrk'], dirs: ['/usr/bin'], major: /./, tools: { wrk: 'wrk' }, silent: { wrk: { args: ['-v'], says: /^wrk / } } }
  try {
    const there = await findFamily(cache, 'wrk', family)
    if (there !== undefined || !system().debian) return there?.wrk.path
    const debian = new Debian(cache)
    await debian.trees([{ name: 'wrk', ...family }], what => { tell(`wrk: ${what}`) })
    debian.clean()
    return (await findFamily(cache, 'wrk', family))?.wrk.path
  } catch (error) {
    tell(`wrk could not be fetched: ${String(error)}`)
    return undefined
  }
}

async function setupPart (name: string): Promise<unknown> {
  return await import(new URL(`../scripts/setup/${name}.mjs`, import.meta.url).href)
}
