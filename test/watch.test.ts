/* eslint-disable no-control-regex -- what a terminal gets is what is tested */
import assert from 'node:assert/strict'
import test from 'node:test'
import { readEventStream } from '../src/cli/event-stream.js'
import { createScreen } from '../src/cli/screen.js'
import { watch, type WatchOptions } from '../src/cli/watch.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { failure, fakeApi, json, memoryShell, stream, type Answer } from './fixtures/api.js'
import { ended, failed, watched, watchedId } from './fixtures/watched.js'

const path = `GET /v1/drills/${watchedId}/events`

/** A stream that gives what is wanted after Last-Event-ID. */
const from = (events: DrillEvent[], upTo = Infinity): Answer => (asked, reply) => {
  const last = Number(asked.headers['last-event-id'] ?? 0)
  stream(reply)(events.filter(event => event.seq > last && event.seq <= upTo))
  reply.end()
}

async function watching (routes: Record<string, Answer>, options: Parameters<typeof memoryShell>[1] = {}, more: WatchOptions = {}) {
  const api = await fakeApi(routes)
  const shell = memoryShell(api.url, options)
  try {
    return { code: await watch(shell, watchedId, { pauseMs: 5, ...more }), out: shell.out(), err: shell.err(), asked: api.asked }
  } finally {
    await api.close()
  }
}

test('elsewhere than on a terminal: a line per event, the verdict, its exit code', async () => {
  const { code, out } = await watching({ [path]: from(ended()) })
  assert.equal(code, 0)
  assert.equal(out.match(/^\d\d:\d\d:\d\dZ /gm)!.length, ended().length)
  assert.match(out, /^ PASSED {2}recovered/m)
  assert.doesNotMatch(out, /\x1b/)
})

/** The events, and after the first few how far the load is. */
const withProgress: Answer = (asked, reply) => {
  const events = ended()
  const last = Number(asked.headers['last-event-id'] ?? 0)
  const send = stream(reply)
  send(events.slice(0, 5))
  reply.write('event: progress\ndata: {"step":"promote","text":"10 users  20/s","figures":{}}\n\nevent: progress\ndata: no JSON\n\n')
  send(events.filter(event => event.seq > Math.max(5, last)))
  reply.end()
}

test('how far a load is stands among the lines, is no event, and ends no watch', async () => {
  const { code, out } = await watching({ [path]: withProgress })
  assert.equal(code, 0)
  assert.match(out, /^ +≈ promote: 10 users {2}20\/s$/m)
  const asJson = await watching({ [path]: withProgress }, { json: true })
  assert.equal(asJson.out.trim().split('\n').length, ended().length)
})

for (const [verdict, code, strict] of [['passed', 0], ['passed-with-findings', 0], ['passed-with-findings', 1, true], ['failed', 1], ['aborted', 3], ['invalid', 5]] as const) {
  test(`a verdict of ${verdict}${strict ? ' with --strict' : ''} is exit code ${code}`, async () => {
    const events = ended().map(event => event.type === 'drill.ended' ? { ...event, verdict } : event)
    assert.equal((await watching({ [path]: from(events) }, {}, { strict })).code, code)
  })
}

test('with --json: the events themselves, one a line, and nothing else', async () => {
  const { out } = await watching({ [path]: from(failed()) }, { json: true })
  assert.deepEqual(out.trim().split('\n').map(line => JSON.parse(line) as unknown), failed())
})

test('a stream that breaks off goes on where it ended: each event once, in order', async () => {
  const events = ended()
  const { code, out, asked } = await watching({
    [path]: async (one, reply, times) => {
      if (times === 1) {
        stream(reply)(events.slice(0, 7))
        // Half an event, then the connection is gone.
        reply.write('id: 8\ndata: {"seq":8,')
        await new Promise(resolve => { setTimeout(resolve, 20) })
        reply.destroy()
        return
      }
      if (times === 2) return failure(reply, 503, 'store.down', 'the store is away')
      // Some of what was heard already comes again.
      if (times === 3) return from(events.map(event => event), 20)({ ...one, headers: { 'last-event-id': '5' } }, reply, times)
      return from(events)(one, reply, times)
    },
  }, { json: true })
  assert.equal(code, 0)
  assert.deepEqual(out.trim().split('\n').map(line => (JSON.parse(line) as DrillEvent).seq), events.map(event => event.seq))
  assert.deepEqual(asked.map(one => one.headers['last-event-id']), [undefined, '7', '7', '20'])
})

test('no word for too long is contact lost: exit code 4, and how to come back', async () => {
  const api = await fakeApi({ [path]: from(watched()) })
  const shell = memoryShell(api.url)
  const done = watch(shell, watchedId, { pauseMs: 5, patienceMs: 60 })
  while (!shell.out().includes('promotion: approved by Bo')) await new Promise(resolve => { setTimeout(resolve, 5) })
  await api.close()
  await assert.rejects(done, { code: 'contact.lost', message: /the drill goes on/ })
})

test('a drill that is not there ends the watch at once', async () => {
  await assert.rejects(watching({ [path]: (_asked, reply) => { failure(reply, 404, 'drill.unknown', 'no such drill') } }), { code: 'drill.unknown' })
})

test('Ctrl-C leaves the watch, says that the drill goes on, how to come back and how to stop it', async () => {
  const api = await fakeApi({ [path]: (_asked, reply) => { stream(reply)(watched()) } })
  const shell = memoryShell(api.url)
  const done = watch(shell, watchedId)
  while (!shell.out().includes('approved by Bo')) await new Promise(resolve => { setTimeout(resolve, 5) })
  shell.interrupt()
  assert.equal(await done, 4)
  await api.close()
  assert.match(shell.out(), /You left the watch\. The drill goes on\./)
  assert.match(shell.out(), new RegExp(`muster watch ${watchedId}\n.*muster abort ${watchedId} --reason "…" {3}\\(undoes its one change\\)`))
})

test('on a terminal the view is drawn in place, and the cursor is given back', async () => {
  const { out } = await watching({ [path]: from(ended()) }, { tty: { columns: 100, rows: 40 } })
  assert.match(out, /^\x1b\[\?25l/)
  assert.match(out, /THIS IS A DRILL/)
  assert.ok(out.lastIndexOf('\x1b[?25h') > out.lastIndexOf('\x1b[?25l'))
  assert.match(out.slice(out.lastIndexOf('\x1b[?25h')), /PASSED {2}recovered/)
})

test('who may answer a gate is asked, and the answer is sent once', async () => {
  const decision = `POST /v1/drills/${watchedId}/gates/promotion/decision`
  let go: (() => void) | undefined
  const api = await fakeApi({
    'GET /v1/me': (_asked, reply) => { json(reply, 200, { id: 'cy', name: 'Cy', roles: ['approver'] }) },
    [path]: (_asked, reply) => {
      const send = stream(reply)
      send(watched())
      go = () => { send(ended().slice(watched().length)); reply.end() }
    },
    [decision]: (_asked, reply) => { json(reply, 200, { outcome: 'approved', missing: 0 }); go!() },
  })
  let keys: ((text: string) => void) | undefined
  const onKeys = (handler: (text: string) => void) => {
    keys = handler
    return () => { keys = undefined }
  }
  const shell = { ...memoryShell(api.url, { tty: { columns: 100, rows: 40 } }), stdin: { isTTY: true, onKeys } }
  const done = watch(shell, watchedId, { ask: true })
  while (!shell.out().includes('approve? [y/N/reason]')) await new Promise(resolve => { setTimeout(resolve, 5) })
  keys!('\r')
  keys!('yes, backups vex\x7frified\r')
  assert.equal(await done, 0)
  await api.close()
  const sent = api.asked.filter(one => one.path.endsWith('/decision'))
  assert.equal(sent.length, 1)
  assert.deepEqual({ ...sent[0]!.body as object, key: undefined }, { answer: 'approve', reason: 'backups verified', key: undefined })
  assert.equal(keys, undefined)
})

test('who started a drill is not asked to wave it through', async () => {
  const api = await fakeApi({
    'GET /v1/me': (_asked, reply) => { json(reply, 200, { id: 'ana', name: 'Ana', roles: ['commander', 'approver'] }) },
    [path]: (_asked, reply) => { stream(reply)(watched()) },
  })
  const shell = { ...memoryShell(api.url, { tty: { columns: 100, rows: 40 } }), stdin: { isTTY: true, onKeys: () => () => {} } }
  const done = watch(shell, watchedId, { ask: true })
  while (!shell.out().includes('Ctrl-C leaves the watch')) await new Promise(resolve => { setTimeout(resolve, 5) })
  assert.doesNotMatch(shell.out(), /approve\?/)
  shell.interrupt()
  await done
  await api.close()
})

test('events are read wherever the bytes were cut', async () => {
  const bytes = new TextEncoder().encode(': hello\r\nid: 1\r\ndata: {"a":"ü"}\r\n\r\ndata: x\ndata: y\n\nevent: end\ndata\n\n')
  for (const size of [1, 2, 3, 7, 1000]) {
    const chunks = (async function * () { for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size) })()
    const messages = []
    for await (const message of readEventStream(chunks)) messages.push(message)
    assert.deepEqual(messages.map(message => message.kind === 'message' ? message.data : message.kind), ['alive', '{"a":"ü"}', 'x\ny', ''])
  }
})

test('only lines that have changed are written again', () => {
  let written = ''
  const terminal = { columns: 20, rows: 10, write: (text: string) => { written += text } }
  const screen = createScreen(terminal)
  screen.draw(['one', 'two', 'three'])
  written = ''
  screen.draw(['one', 'TWO', 'three'])
  assert.equal(written, '\x1b[3A\r\n\x1b[2KTWO\n\n')
  written = ''
  screen.draw(['one', 'TWO', 'three'])
  assert.equal(written, '')
  screen.draw(['one'])
  assert.ok(written.endsWith('\x1b[J'))
  terminal.columns = 2
  written = ''
  screen.draw(['a'])
  assert.match(written, /^\x1b\[2A\r\x1b\[J/, 'a line of three columns takes two rows of a terminal of two')
  screen.close()
  written = ''
  screen.draw(['late'])
  assert.equal(written, '')
})
