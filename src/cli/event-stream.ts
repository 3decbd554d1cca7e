/** A message of a `text/event-stream`, or a comment, which only says that the other side lives. */
export type StreamMessage = { kind: 'message', id?: string, event?: string, data: string } | { kind: 'alive' }

/** Reads server-sent events (HTML standard, section 9.2) from chunks of bytes, wherever those were cut. */
export async function * readEventStream (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<StreamMessage> {
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  let id: string | undefined
  let event: string | undefined
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true })
    // A lone \r at the very end may be half of \r\n: it waits for the next chunk.
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop()!
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { kind: 'message', id, event, data: data.join('\n') }
        data = []
        event = undefined
        continue
      }
      if (line.startsWith(':')) {
        yield { kind: 'alive' }
        continue
      }
      const colon = line.indexOf(':')
      const name = colon === -1 ? line : line.slice(0, colon)
      const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
      if (name === 'data') data.push(value)
      else if (name === 'id') id = value
      else if (name === 'event') event = value
    }
  }
}
