/* eslint-disable no-control-regex -- what a terminal gets is what is tested */
import assert from 'node:assert/strict'
import test from 'node:test'
import { endingOf } from '../src/cli/ending.js'
import { lineOf } from '../src/cli/lines.js'
import { paintOf } from '../src/cli/paint.js'
import { columns, wrapCommand } from '../src/cli/text.js'
import { viewOf } from '../src/cli/view.js'
import { statusOf } from '../src/drill/status.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { ended, failed, numbered, startedAtMs, watched, watchedId } from './fixtures/watched.js'

const view = (events: DrillEvent[], seconds: number, options: { width?: number, height?: number, colour?: boolean, lostSinceMs?: number } = {}): string[] =>
  viewOf(statusOf(events)!, { now: startedAtMs + seconds * 1000, width: 100, colour: false, ...options })

test('the view of a drill that waits for people, line by line', () => {
  assert.deepEqual(view(watched(), 52), [
    ' THIS IS A DRILL  The primary database dies                                       waiting for people',
    ' LAB-MAIN (lab) · database-primary-failure-20261124-x7k2p9 · Ana                               00:52',
    '',
    ' recovery clock 00:51 / 05:00 ━━━━━━━───────────────────────────────── down',
    '',
    '  ✓ the database pair is whole              200 ms of 500 ms     db-a primary, db-b streaming, lag…',
    '  ✓ the business invariants hold            100 ms               3 of 3 invariants hold',
    '  ✓ kill PostgreSQL db-a                    400 ms of 1.00 s     9 processes killed',
    '  ✓ wait until somebody notices             1.50 s of 2.00 s     alert PostgresDown after 1.50 s',
    '  ⧖ Promote the standby                      00:49 of 1 min 0 s',
    '    ⧖ waiting for approval 1/2, 04:10 left',
    '    → muster approve database-primary-failure-20261124-x7k2p9 promotion',
    '      on approve: db-b becomes the primary; db-a is fenced and never starts as a primary again',
    '      it can break: writes that db-b has not received are lost',
    '      who: approver; so far Bo approved; if nobody answers: abort',
    '  · fence db-a                                     of 1.00 s',
    '  · promote db-b                                   of 2.00 s',
    '  · move the database endpoint to db-b             of 500 ms',
    '  · wait until the service recovers',
    '  · no acknowledged write is lost',
    '  · tell the channel',
    '',
    '  ↶ one step is still to be undone; an abort undoes it at once',
  ])
})

test('on a wide terminal the wait and its command stand on one line', () => {
  assert.ok(view(watched(), 52, { width: 130 }).includes(`    ⧖ waiting for approval 1/2, 04:10 left → muster approve ${watchedId} promotion`))
})

test('no line is wider than the terminal, and a command is broken so that it can still be pasted', () => {
  for (const width of [40, 60, 72, 100, 140]) {
    for (const events of [watched(), ended(), failed()]) for (const line of view(events, 60, { width })) assert.ok(columns(line) <= width, `${width}: ${line}`)
  }
  const lines = view(watched(), 52, { width: 60 })
  const at = lines.findIndex(line => line.includes('muster approve'))
  const pasted = lines.slice(at, at + 3).map(line => line.trim().replace('→ ', '')).join('\n').split('\n')
  assert.equal(pasted.slice(0, pasted.findIndex(line => !line.endsWith('\\')) + 1).join(' ').replaceAll(' \\ ', ' '), `muster approve ${watchedId} promotion`)
  assert.deepEqual(wrapCommand('a b', 80), ['a b'])
})

test('what is done folds to one line where there is no room, what waits never does', () => {
  const lines = view(watched(), 52, { height: 18 })
  assert.ok(lines.length <= 18)
  assert.ok(lines.some(line => /✓ 3 steps done +700 ms/.test(line)))
  assert.ok(lines.some(line => line.includes('wait until somebody notices')))
  assert.ok(lines.some(line => line.includes('muster approve')))
  assert.ok(lines.some(line => line.includes('more to come')))
})

test('the recovery clock is green, yellow from 80 %, red past the objective', () => {
  const clock = (seconds: number): string => view(watched(), seconds, { colour: true }).find(line => line.includes('recovery clock'))!
  assert.match(clock(100), /\x1b\[32m.*01:39 \/ 05:00/)
  assert.match(clock(250), /\x1b\[33m.*04:09 \/ 05:00/)
  assert.match(clock(302), /\x1b\[31m.*05:01 \/ 05:00/)
})

test('a failed step unfolds its error, and what was left behind stands at the top with its command', () => {
  const lines = view(failed(), 140)
  assert.equal(lines[3], ' LEFT BEHIND: bring db-a back (it does not start: disk full)')
  assert.equal(lines[4], '   → start PostgreSQL db-a')
  assert.ok(lines.includes('      neither an alert nor a declaration came within 8 s'))
  assert.ok(lines.includes('  ✗ bring db-a back  LEFT BEHIND: it does not start: disk full'))
  assert.match(view(failed(), 140, { colour: true })[3]!, /\x1b\[31m/)
})

test('the undo of a drill is shown while it goes on', () => {
  const unwinding = failed().filter(event => event.seq <= 16)
  const lines = view(unwinding, 20)
  assert.match(lines[0]!, /putting everything back$/)
  assert.ok(lines.includes('  ↶ bring db-a back  undoing'))
})

test('lost contact is said, with the time since', () => {
  assert.equal(view(watched(), 52, { lostSinceMs: startedAtMs + 40_000 }).at(-1), ' no contact with Muster for 00:12; the drill goes on, trying again')
})

test('a production environment is red', () => {
  const [first, ...rest] = watched()
  const lines = view([{ ...first, tier: 'production' } as DrillEvent, ...rest], 52, { colour: true })
  assert.match(lines[1]!, /\x1b\[31mLAB-MAIN \(production\)|\x1b\[1m\x1b\[31mLAB-MAIN \(production\)|\x1b\[31m\x1b\[1mLAB-MAIN \(production\)/)
})

test('the ending has verdict, reason, the numbers with and without people, and the next command', () => {
  const text = endingOf(statusOf(ended())!, ended(), { width: 120, colour: false }).join('\n')
  assert.match(text, /^ PASSED {2}recovered in 31\.0 s/)
  assert.match(text, /recovery +31\.0 s ± 100 ms, objective 5m/)
  assert.match(text, /without people +3\.60 s \(27\.4 s went into waiting for people\)/)
  assert.match(text, /detected 1\.50 s \(alert PostgresDown\) · people 27\.4 s · work 2\.10 s · verification 1\.00 s/)
  assert.match(text, /lost writes +0 of 412 acknowledged \(2 in doubt, 1 of them there; the failed node’s own log agrees\)/)
  assert.match(text, new RegExp(`muster report ${watchedId}$`, 'm'))
})

test('the ending of a failed drill names what was left behind', () => {
  const text = endingOf(statusOf(failed())!, failed(), { width: 120, colour: false }).join('\n')
  assert.match(text, /^ FAILED {2}left behind: bring db-a back/)
  assert.match(text, /left behind: bring db-a back → start PostgreSQL db-a/)
})

test('each event is one line, the drill and its gate with the command to paste', () => {
  const lines = ended().map(event => lineOf(event, watchedId, paintOf(false)))
  for (const line of lines) assert.match(line, /^\d\d:\d\d:\d\dZ \S /)
  assert.equal(lines[0], `14:00:00Z ▶ THIS IS A DRILL: The primary database dies on LAB-MAIN (lab), ${watchedId}, started by Ana`)
  assert.ok(lines.includes(`14:00:02Z ⧖ promotion: waiting for approval 0/2 by approver, 05:00 left, else abort → muster approve ${watchedId} promotion`))
  assert.ok(lines.includes('14:00:31Z ✓ promote: db-b is primary on timeline 2 (try 2)'))
  assert.equal(lines.at(-1), '14:00:40Z ■ PASSED: recovered in 31.0 s, 0 of 412 acknowledged writes lost, everything is back as it was')
})

test('a note cannot steer the terminal', () => {
  const [note] = numbered([[1, { type: 'note.added', person: { id: 'x', name: 'X\x1b[2J' }, text: 'one\ntwo \x1b]0;title\x07 \x1b[31mred\u202e', door: 'api' }]])
  const line = lineOf(note!, watchedId, paintOf(false))
  assert.equal(/[\x00-\x1f\x7f-\x9f\u202e]/.test(line), false)
  assert.match(line, /X: one two/)
})
