import type { Input, Output, Shell } from './shell.js'

/** The terminal (or pipe) of this process, as the commands use it. */
export function terminalOf ({ stdout, stdin, stderr }: NodeJS.Process): Pick<Shell, 'stdout' | 'stdin' | 'stderr' | 'onInterrupt'> {
  const output: Output = {
    isTTY: stdout.isTTY === true,
    get columns () { return stdout.columns > 0 ? stdout.columns : 80 },
    get rows () { return stdout.rows > 0 ? stdout.rows : 24 },
    write: text => stdout.write(text),
    onResize (handler) {
      stdout.on('resize', handler)
      return () => { stdout.off('resize', handler) }
    },
  }
  const input: Input = {
    isTTY: stdin.isTTY === true,
    onKeys (handler) {
      const take = (keys: Buffer): void => { handler(keys.toString('utf8')) }
      stdin.setRawMode(true)
      stdin.on('data', take)
      stdin.resume()
      return () => {
        stdin.off('data', take)
        stdin.setRawMode(false)
        stdin.pause()
      }
    },
  }
  return { stdout: output, stdin: input, stderr, onInterrupt }
}

function onInterrupt (handler: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, handler)
  return () => { for (const signal of signals) process.off(signal, handler) }
}
