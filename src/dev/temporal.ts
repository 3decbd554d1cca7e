import { connect } from 'node:net'
import { join } from 'node:path'
import type { Tool } from '../tools.js'
import { startChild } from './child.js'
import type { Ports } from './ports.js'
import { devFolder, type Started } from './state.js'
import { searchAttributes } from '../../workflows/search-attributes.js'

/** Arguments of Temporal's dev server: loopback, a file as its database, and polls that do not wait 50 ms for each task. */
export function temporalArgs (root: string, ports: Ports, ui: boolean): string[] {
  return [
    'server', 'start-dev', '--ip', '127.0.0.1', '--port', String(ports.temporal),
    ...ui ? ['--ui-ip', '127.0.0.1', '--ui-port', String(ports.temporalUi)] : ['--headless'],
    '--db-filename', join(devFolder(root), 'temporal.db'), '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=OFF',
    '--log-level', 'error',
    ...Object.values(searchAttributes).flatMap(({ name }) => ['--search-attribute', `${name}=Keyword`]),
    // Its default of 20 a second a shard makes each task of a drill wait up to 50 ms, and timers come up to a second late.
    '--dynamic-config-value', 'history.transferProcessorMaxPollRPS=2000', '--dynamic-config-value', 'history.timerProcessorMaxPollRPS=2000',
    '--dynamic-config-value', 'history.timerProcessorMaxTimeShift="5ms"',
  ]
}

export async function startTemporal (root: string, tool: Tool, ports: Ports, ui: boolean, onStart: (started: Started) => void): Promise<Started> {
  const args = temporalArgs(root, ports, ui)
  return await startChild({
    name: 'Temporal', command: tool.path, args, env: { PATH: '/usr/bin:/bin', HOME: devFolder(root), ...tool.env },
    log: join(devFolder(root), 'temporal.log'), match: join(devFolder(root), 'temporal.db'), onStart,
    isReady: () => answers(ports.temporal), deadlineMs: 30_000,
  })
}

function answers (port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const done = (is: boolean): void => { socket.destroy(); resolve(is) }
    socket.once('connect', () => { done(true) })
    socket.once('error', () => { done(false) })
    socket.setTimeout(500, () => { done(false) })
  })
}
