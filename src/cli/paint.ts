import { styleText } from 'node:util'
import { clip, columns } from './text.js'

export type Style = Parameters<typeof styleText>[0]

/** A piece of a line in one style; a line is a list of them, clipped before it is coloured, so that no escape code is ever cut. */
export type Piece = string | { text: string, style: Style }
export type Line = Piece[]

export type Paint = (style: Style, text: string) => string

/** Colours, or leaves as it is. Whether the stream is a terminal was decided by the caller: Node must not decide again. */
export function paintOf (colour: boolean): Paint {
  return colour ? (style, text) => text === '' ? '' : styleText(style, text, { validateStream: false }) : (_style, text) => text
}

export function styled (style: Style, text: string): Piece {
  return { text, style }
}

/** One line as it goes to the terminal, at most `width` columns wide. */
export function render (line: Line, width: number, paint: Paint): string {
  let left = width
  let text = ''
  for (const piece of line) {
    const plain = typeof piece === 'string' ? piece : piece.text
    const cut = clip(plain, left)
    text += typeof piece === 'string' ? cut : paint(piece.style, cut)
    left -= columns(cut)
    if (left <= 0) break
  }
  return text.trimEnd()
}

/** `left` at the left edge and `right` at the right one; where there is no room for both, the left one gives way. */
export function spread (left: Line, right: Line, width: number): Line {
  const room = Math.max(0, width - widthOf(right) - 1)
  const kept = cutTo(left, room)
  return [...kept, ' '.repeat(Math.max(1, width - widthOf(kept) - widthOf(right))), ...right]
}

export function widthOf (line: Line): number {
  return line.reduce((sum, piece) => sum + columns(typeof piece === 'string' ? piece : piece.text), 0)
}

function cutTo (line: Line, width: number): Line {
  const kept: Line = []
  let left = width
  for (const piece of line) {
    if (left <= 0) break
    const plain = typeof piece === 'string' ? piece : piece.text
    const cut = clip(plain, left)
    kept.push(typeof piece === 'string' ? cut : { ...piece, text: cut })
    left -= columns(cut)
  }
  return kept
}
