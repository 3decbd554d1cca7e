import { startDev } from './dev.js'

/** What the command needs of a terminal. */
export interface Console {
  stdout: { write: (text: string) => unknown }
  json: boolean
  paint: (style: 'bold' | 'dim', text: string) => string
  onInterrupt: (handler: () => void) => () => void
}

/** `muster dev`: starts Muster, says where it is, and stays until Ctrl-C. A second Ctrl-C does not wait. @returns the exit code */
export async function runDev (console: Console, options: { root: string, ports: 'usual' | 'free' }): Promise<number> {
  const say = (line: string): void => { console.stdout.write(`${line}\n`) }
  let interrupted = 0
  let wake: (() => void) | undefined
  let killAll: (() => void) | undefined
  const release = console.onInterrupt(() => {
    interrupted++
    if (interrupted === 1) {
      if (!console.json) say('stopping; Ctrl-C again kills')
      wake?.()
    } else {
      killAll?.()
      process.exit(130)
    }
  })
  try {
    const dev = await startDev({ ...options, onProgress: console.json ? undefined : line => { say(console.paint('dim', line)) } })
    killAll = dev.kill
    if (console.json) {
      say(JSON.stringify({ apiUrl: dev.apiUrl, docs: `${dev.apiUrl}/docs`, temporalAddress: dev.temporalAddress, temporalUi: dev.temporalUi, keyFile: `${options.root}/key` }))
    } else {
      for (const line of [
        '',
        ` API          ${console.paint('bold', dev.apiUrl)}`,
        ` reference    ${dev.apiUrl}/docs`,
        ` Temporal     ${dev.temporalUi ?? dev.temporalAddress}`,
        '',
        ` in another terminal → ${console.paint('bold', 'muster lab up')}`,
        ' Ctrl-C stops everything; drills go on with the next start',
        '',
      ]) say(line)
    }
    // The parts are processes of their own: without a timer nothing would keep this one, or notice that one ended.
    const gone = new Set<string>()
    const alive = setInterval(() => {
      for (const name of dev.ailing().filter(name => !gone.has(name))) {
        gone.add(name)
        say(`${name} has ended by itself: its last words are in ${options.root}/dev; Ctrl-C, then muster dev again`)
      }
    }, 2000)
    if (interrupted === 0) await new Promise<void>(resolve => { wake = resolve })
    clearInterval(alive)
    const begin = Date.now()
    await dev.stop()
    if (!console.json) say(`stopped, nothing left running (${((Date.now() - begin) / 1000).toFixed(1)} s)`)
    return 0
  } finally {
    release()
  }
}
