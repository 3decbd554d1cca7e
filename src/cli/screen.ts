import { columns } from './text.js'

// eslint-disable-next-line no-control-regex -- it finds colour codes
const codes = /\x1b\[[0-9;]*m/g

export interface Terminal {
  columns: number
  rows: number
  write: (text: string) => unknown
}

/** A block of lines at the bottom of a terminal that is redrawn in place: only what has changed is written again. */
export interface Screen {
  draw: (lines: string[]) => void
  /** The next draw starts afresh: after a resize, or once somebody else has written. */
  forget: () => void
  /** Leaves the block as it stands, the cursor below it and visible. */
  close: () => void
}

export function createScreen (terminal: Terminal): Screen {
  let shown: string[] = []
  let shownWidth = terminal.columns
  let open = true
  terminal.write('\x1b[?25l')

  /** Rows that the block takes now: a terminal that became narrower has broken its lines. */
  const height = (): number => shown.reduce((rows, line) => rows + Math.max(1, Math.ceil(columns(line.replace(codes, '')) / Math.max(1, terminal.columns))), 0)

  return {
    draw (lines) {
      if (!open) return
      const same = shownWidth === terminal.columns
      const up = same ? shown.length : height()
      let text = up > 0 ? `\x1b[${up}A\r` : '\r'
      if (!same) {
        text += '\x1b[J'
        shown = []
        shownWidth = terminal.columns
      }
      if (same && lines.length === shown.length && lines.every((line, index) => line === shown[index])) return
      for (const [index, line] of lines.entries()) text += line === shown[index] ? '\n' : `\x1b[2K${line}\n`
      if (lines.length < shown.length) text += '\x1b[J'
      terminal.write(text)
      shown = lines
    },
    forget () {
      shown = []
      shownWidth = terminal.columns
    },
    close () {
      if (!open) return
      open = false
      terminal.write('\x1b[?25h')
    },
  }
}
