import { spawn } from 'node:child_process'
import { DrillError } from '../errors.js'
import { serverEnvironment, type Layout } from './layout.js'
import type { Tool } from '../tools.js'

/** Runs a tool as the lab's user to its end; answers its output, throws with its last words. */
export function runTool (layout: Layout, tool: Tool, args: string[], timeoutMs = 30_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool.path, args, {
      cwd: layout.base, env: serverEnvironment(layout, tool), ...layout.user, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs,
    })
    let output = ''
    let errors = ''
    child.stdout.on('data', (data: Buffer) => { output += data.toString() })
    child.stderr.on('data', (data: Buffer) => { errors += data.toString() })
    child.once('error', (cause) => { reject(new DrillError('lab.failed', `${tool.path} could not be started: ${cause.message}`, { cause })) })
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output)
      else reject(new DrillError('lab.failed', `${tool.path} ended with ${signal ?? code}: ${lastLines(errors + output)}`))
    })
  })
}

/** The last lines of a log, for one message. */
export function lastLines (text: string, count = 6): string {
  return text.trim().split('\n').slice(-count).join(' | ').slice(-1_200)
}
