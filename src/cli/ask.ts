/** What a person typed at the question "Approve? [y/N/reason]". */
export type Reply =
  | { kind: 'approve', reason?: string }
  | { kind: 'reject', reason: string }
  /** A bare `n`: a rejection is not sent without its reason. */
  | { kind: 'why' }
  /** A bare Enter decides nothing: the gate stays open. */
  | { kind: 'later' }

/** @param asked whether this is the answer to the second question, why not */
export function replyOf (line: string, asked: 'approve' | 'why' = 'approve'): Reply {
  const text = line.trim()
  if (text === '') return { kind: 'later' }
  if (asked === 'why') return { kind: 'reject', reason: text }
  const [, word, rest = ''] = /^(\S+)\s*[:,]?\s*(.*)$/s.exec(text)!
  if (/^y(es)?[:,]?$/i.test(word!)) return rest === '' ? { kind: 'approve' } : { kind: 'approve', reason: rest }
  if (/^no?[:,]?$/i.test(word!)) return rest === '' ? { kind: 'why' } : { kind: 'reject', reason: rest }
  return { kind: 'reject', reason: text }
}

/** A line that is being typed, from raw keys. */
export interface Editor {
  readonly text: string
  /** Feeds keys; answers the line once Enter is among them, `interrupt` for Ctrl-C. */
  feed: (keys: string) => { line?: string, interrupt?: boolean }
  clear: () => void
}

export function createEditor (): Editor {
  let text = ''
  return {
    get text () { return text },
    clear () { text = '' },
    feed (keys) {
      // eslint-disable-next-line no-control-regex -- arrow keys and the like mean nothing here
      for (const key of keys.replace(/\x1b(\[[0-9;?]*[ -/]*[@-~]|O.)?/g, '')) {
        if (key === '\x03') return { interrupt: true }
        if (key === '\r' || key === '\n') {
          const line = text
          text = ''
          return { line }
        }
        if (key === '\x7f' || key === '\b') text = [...text].slice(0, -1).join('')
        else if (key === '\x15') text = ''
        else if (key >= ' ') text += key
      }
      return {}
    },
  }
}
