import { withoutControls } from '../drill/plain.js'

/** Text from elsewhere (notes, reasons, error messages) as one line without control characters: nobody's note may steer a terminal. */
export function clean (text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what is taken out
  return withoutControls(text.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, '')).trim()
}

const wide = /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\uff01-\uff60]/u
const zero = /[\p{Mn}\p{Me}\p{Cf}\ufe0f]/u

/** How many columns of a terminal a text takes. */
export function columns (text: string): number {
  let sum = 0
  for (const character of text) sum += zero.test(character) ? 0 : wide.test(character) ? 2 : 1
  return sum
}

/** Cuts a text to a number of columns, the last one an ellipsis. */
export function clip (text: string, width: number): string {
  if (columns(text) <= width) return text
  if (width < 1) return ''
  let kept = ''
  let sum = 0
  for (const character of text) {
    sum += columns(character)
    if (sum > width - 1) break
    kept += character
  }
  return `${kept.trimEnd()}…`
}

export function padEnd (text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - columns(text)))
}

export function padStart (text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - columns(text))) + text
}

/** Breaks a text at spaces; a single word that is too long is broken where the line ends. */
export function wrap (text: string, width: number): string[] {
  const room = Math.max(1, width)
  const lines: string[] = []
  let line = ''
  for (let word of text.split(' ').filter(word => word !== '')) {
    if (line !== '' && columns(line) + 1 + columns(word) <= room) {
      line += ` ${word}`
      continue
    }
    if (line !== '') lines.push(line)
    while (columns(word) > room) {
      lines.push([...word].slice(0, room).join(''))
      word = [...word].slice(room).join('')
    }
    line = word
  }
  return line === '' ? lines : [...lines, line]
}

/** A shell command over several lines, each but the last ending in ` \`, so that it can still be pasted as it stands. */
export function wrapCommand (command: string, width: number): string[] {
  if (columns(command) <= width) return [command]
  const lines = wrap(command, Math.max(8, width - 2))
  return lines.map((line, index) => index < lines.length - 1 ? `${line} \\` : line)
}
