import { writeFileSync } from 'node:fs'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { findTools } from '../src/tools.js'
import { freePort } from '../test/fixtures/temporal.js'
import type { Hold } from './hold.js'

export interface LoadServer {
  url: string
  /** How many requests it has got so far, whoever sent them. */
  requests: () => Promise<number>
}

/** Nginx as quick as it goes, so that a generator waits for itself alone; it counts what it gets. */
export async function loadServer (hold: Hold): Promise<LoadServer> {
  const folder = await hold.folder()
  const file = join(folder, 'nginx.conf')
  const log = join(folder, 'error.log')
  const body = JSON.stringify({ items: Array.from({ length: 4 }, (_, id) => ({ id, name: `item ${id}` })) })
  const port = await freePort()
  writeFileSync(file, `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${log} warn;
events { worker_connections 512; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${folder}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${port};
    default_type application/json;
    location / { return 200 '${body}'; }
    location = /status { stub_status; }
  }
}
`)
  await hold.take(start(findTools('nginx').nginx.path, ['-e', log, '-p', folder, '-c', file]), ended)
  const url = `http://127.0.0.1:${port}`
  let asked = 0
  const requests = async (): Promise<number> => {
    const { body } = await request(`${url}/status`)
    // Its third line: accepted and handled connections, requests.
    return Number(/^\s*\d+\s+\d+\s+(\d+)\s*$/m.exec(await body.text())![1]) - ++asked
  }
  for (let tries = 0; ; tries++) {
    try {
      await requests()
      return { url, requests }
    } catch (error) {
      if (tries === 100) throw error
      await sleep(50)
    }
  }
}

/** @throws Error where the program cannot be started */
export async function start (command: string, args: string[], output: 'ignore' | 'pipe' = 'ignore'): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['ignore', output, 'ignore'] })
  await once(child, 'spawn')
  return child
}

export async function ended (child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}
