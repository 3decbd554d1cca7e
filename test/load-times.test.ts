import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Client, type Dispatcher } from 'undici'
import { Agenda } from '../src/load/agenda.js'
import { monotonicMs } from '../src/load/clock.js'
import { compileBehaviour } from '../src/load/compile.js'
import { Generator, type Window } from '../src/load/generator.js'
import type { GeneratorPlan } from '../src/load/plan.js'
import { startTarget, step } from './fixtures/load.js'

function planOf ({ path, ...given }: Pick<GeneratorPlan, 'origin' | 'users' | 'runMs' | 'everyMs'> & { path?: string }): GeneratorPlan {
  const behaviour = { name: 'b', userTypes: { Visitor: { tasks: [{ name: 't', weight: 1, steps: [step('page', path)] }] } } }
  return { generator: 0, runId: 'r', basePath: '/', headers: {}, behaviour, values: {}, jitter: 0, timeoutMs: 100, slowMs: 1000, maxBodyBytes: 1000, seed: 1, ...given }
}

describe('intended times', () => {
  test('whoever is put off or brought forward comes at his time, and always the earliest first', () => {
    const times = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 40 })
    const moves = fc.array(fc.record({ whom: fc.nat(), byMs: fc.integer({ min: 0, max: 1000 }) }), { maxLength: 80 })
    fc.assert(fc.property(times, moves, (first, moves) => {
      const agenda = new Agenda<number>()
      const due = [...first]
      const entries = first.map((dueMs, item) => agenda.push(dueMs, item))
      for (const { whom, byMs } of moves) {
        const next = agenda.first!
        assert.equal(next.dueMs, Math.min(...due))
        assert.equal(due[next.item], next.dueMs)
        if (whom % 2 === 0) {
          due[next.item] = next.dueMs + byMs
          agenda.putOff(due[next.item]!)
        } else {
          const item = whom % due.length
          due[item] = due[item]! - byMs
          agenda.bringForward(entries[item]!, due[item]!)
        }
      }
    }))
    assert.equal(new Agenda().first, undefined)
  })

  test('each counts once, as sent, missed or skipped, of a target that hangs and a generator that is held up too', async t => {
    const target = await startTarget(() => {})
    t.after(target.close)
    const runMs = 600
    const everyMs = 7
    const users = Array.from({ length: 20 }, (_, number) => ({ number, type: 'Visitor', startMs: number * 11.5 }))
    const plan = planOf({ origin: target.url, users, runMs, everyMs })
    const windows: Window[] = []
    await new Promise<void>(resolve => {
      const generator = new Generator(plan, compileBehaviour(plan.behaviour, plan), window => {
        windows.push(window)
        if (window.last) resolve()
      })
      generator.start(monotonicMs())
      setTimeout(() => { for (const untilMs = monotonicMs() + 200; monotonicMs() < untilMs;); }, 150)
    })
    const sum = (of: (window: Window) => number): number => windows.reduce((total, window) => total + of(window), 0)
    const [planned, sent, skipped, missed] = [sum(one => one.planned), sum(one => one.sent), sum(one => one.skipped), sum(one => one.missed.Visitor ?? 0)]
    assert.equal(planned, users.reduce((total, { startMs }) => total + Math.ceil((runMs - startMs) / everyMs), 0))
    assert.equal(sent + skipped + missed, planned)
    assert.ok(skipped > 0, 'what came due while the generator was held up is nobody else’s fault')
    assert.equal(sum(one => one.series.reduce((total, { requests, byFailure }) => total + requests + (byFailure.aborted ?? 0), 0)), sent)
  })

  test('what falls due while an answer comes goes out with it, and no timer is waited for', async t => {
    let nowMs = 1000
    t.mock.method(performance, 'now', () => nowMs)
    const dispatched: Dispatcher.DispatchHandler[] = []
    t.mock.method(Client.prototype, 'dispatch', (_options: unknown, handler: Dispatcher.DispatchHandler) => dispatched.push(handler) > 0)
    const plan = planOf({ origin: 'http://127.0.0.1:9', users: [{ number: 0, type: 'Visitor', startMs: 0 }], runMs: 60_000, everyMs: 20 })
    let last: Window | undefined
    const generator = new Generator(plan, compileBehaviour(plan.behaviour, plan), window => { last = window })
    generator.start(monotonicMs())
    assert.equal(dispatched.length, 1)
    nowMs = 1020.5
    answer(dispatched[0]!)
    assert.equal(dispatched.length, 2, 'that of 20 ms')
    nowMs = 1045
    answer(dispatched[1]!)
    assert.equal(dispatched.length, 2, 'that of 40 ms was missed')
    generator.stop(0)
    assert.deepEqual([last?.planned, last?.sent, last?.missed.Visitor, last?.skipped, last?.last], [3, 2, 1, 0, true])
  })

  test('what fell due while the generator was held up is left out, and not made up for by requests that fail before they are sent', async t => {
    let nowMs = 1000
    t.mock.method(performance, 'now', () => nowMs)
    const plan = planOf({ origin: 'http://127.0.0.1:9', users: [{ number: 0, type: 'Visitor', startMs: 0 }], runMs: 60_000, everyMs: 1, path: '/{{ token }}' })
    let last: Window | undefined
    const generator = new Generator(plan, compileBehaviour(plan.behaviour, plan), window => { last = window })
    const beginMs = monotonicMs()
    // The generator was held up: five thousand are due at once.
    nowMs += 5_000
    generator.start(beginMs)
    generator.stop(0)
    assert.deepEqual([last?.planned, last?.sent, last?.skipped, last?.missed.Visitor], [5_001, 2, 4_974, 25])
    assert.deepEqual([...new Set(last?.examples.map(({ message }) => message))], ['not sent: there is no {{ token }}'])
  })
})

function answer (handler: Dispatcher.DispatchHandler): void {
  handler.onConnect!(() => {})
  handler.onHeaders!(200, [], () => {}, 'OK')
  handler.onComplete!([])
}
