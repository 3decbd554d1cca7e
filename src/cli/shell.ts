import type { Api } from './api.js'
import type { Paint } from './paint.js'

/** What a command has around it: where it writes, whom it talks to. Given by the entry file, or by a test. */
export interface Shell {
  stdout: Output
  stderr: { write: (text: string) => unknown }
  stdin?: Input
  /** `--json`: one JSON document, or one a line. */
  json: boolean
  paint: Paint
  colour: boolean
  api: Api
  /** Calls back on Ctrl-C (and SIGTERM) instead of ending the process; returns what takes that back. */
  onInterrupt: (handler: () => void) => () => void
}

export interface Output {
  isTTY: boolean
  columns: number
  rows: number
  write: (text: string) => unknown
  onResize?: (handler: () => void) => () => void
}

export interface Input {
  isTTY: boolean
  /** Raw keys as they come; returns what gives the terminal back. */
  onKeys: (handler: (keys: string) => void) => () => void
}

export function print (shell: Shell, ...lines: string[]): void {
  for (const line of lines) shell.stdout.write(`${line}\n`)
}

/** One JSON document, indented for a person on a terminal. */
export function printJson (shell: Shell, value: unknown): void {
  print(shell, JSON.stringify(value, null, shell.stdout.isTTY ? 2 : 0))
}
