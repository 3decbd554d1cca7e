// Running a program and keeping what it said, for the one sentence of a failure.
import { spawn } from 'node:child_process'

const running = new Set()
process.once('exit', () => { for (const child of running) child.kill() })

/** Never rejects: `code` is undefined where the program could not be started at all. */
export function command (file, args, { env = process.env, cwd, timeout } = {}) {
  return new Promise(resolve => {
    const child = spawn(file, args, { env, cwd, timeout, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    let stdout = ''
    let all = ''
    child.stdout.on('data', data => { stdout += data; all += data })
    child.stderr.on('data', data => { all += data })
    child.on('error', error => { running.delete(child); resolve({ code: undefined, stdout, all: error.message }) })
    child.on('close', (code, signal) => { running.delete(child); resolve({ code: code ?? signal, stdout, all }) })
  })
}

/** The last lines that a program said, on one line. */
export function lastWords (text, lines = 2) {
  return text.trim().split('\n').filter(line => line.trim()).slice(-lines).join(' | ').slice(-400)
}
