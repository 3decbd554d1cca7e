import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Case, Outcome } from '../chaos/case.js'
import { runQueue, type Crew } from '../chaos/queue.js'

const caseOf = (runbook: string, name: string): Case => ({ runbook, moment: { name, at: { started: name }, acts: true }, kind: 'abort' })
const held: Outcome = { result: 'held', problems: [] }

/** A crew whose stages are numbers, and what it was asked, in order. */
function crewOf (more: Partial<Crew<number>> = {}): { crew: Crew<number>, log: string[], open: Set<number> } {
  const log: string[] = []
  const open = new Set<number>()
  let stages = 0
  const crew: Crew<number> = {
    open: async () => {
      open.add(++stages)
      return stages
    },
    close: async stage => { assert.ok(open.delete(stage), 'closed once') },
    undisturbed: async (stage, runbook) => {
      log.push(`${runbook} undisturbed`)
      return { tookMs: {}, promotions: 0 }
    },
    run: async () => held,
    done: ({ runbook, moment }, { result }) => { log.push(`${runbook} ${moment.name} ${result}`) },
    tell: () => {},
    goesOn: () => true,
    ...more,
  }
  return { crew, log, open }
}

test('every case runs once, in order, after one undisturbed drill of its runbook; every stage is closed', async () => {
  const { crew, log, open } = crewOf()
  assert.equal(await runQueue([caseOf('a', '1'), caseOf('b', '1'), caseOf('a', '2')], 1, crew), true)
  assert.deepEqual(log, ['a undisturbed', 'a 1 held', 'b undisturbed', 'b 1 held', 'a 2 held'])
  assert.equal(open.size, 0)
})

test('two jobs run side by side on stages of their own, and measure no runbook twice', async () => {
  let together = 0
  let most = 0
  const used = new Set<number>()
  const { crew, log, open } = crewOf({
    run: async stage => {
      used.add(stage)
      most = Math.max(most, ++together)
      await new Promise(resolve => setTimeout(resolve, 20))
      together--
      return held
    },
  })
  await runQueue(['1', '2', '3', '4'].map(name => caseOf('a', name)), 2, crew)
  assert.equal(most, 2)
  assert.equal(used.size, 2)
  assert.equal(log.filter(line => line === 'a undisturbed').length, 1)
  assert.equal(new Set(log).size, 5, 'each of four once, and the undisturbed one')
  assert.equal(open.size, 0)
})

test('after a case that broke or left something comes a new stage, and a broken one is no success', async () => {
  const results: Array<Outcome['result']> = ['left', 'strayed', 'broken', 'held']
  const on: number[] = []
  const { crew, open } = crewOf({
    run: async stage => {
      on.push(stage)
      return { result: results.shift()!, problems: [] }
    },
  })
  assert.equal(await runQueue(['1', '2', '3', '4'].map(name => caseOf('a', name)), 1, crew), false)
  assert.deepEqual(on, [1, 2, 2, 3])
  assert.equal(open.size, 0)
})

test('a runbook that does not pass undisturbed in three tries is left out and told; the others run', async () => {
  const told: string[] = []
  let tries = 0
  const { crew, log, open } = crewOf({
    undisturbed: async (stage, runbook) => {
      if (runbook === 'bad') throw new Error(`not whole, try ${++tries}`)
      return { tookMs: {}, promotions: 0 }
    },
    tell: line => { told.push(line) },
  })
  assert.equal(await runQueue([caseOf('bad', '1'), caseOf('bad', '2'), caseOf('good', '1')], 1, crew), false)
  assert.deepEqual(log, ['good 1 held'])
  assert.equal(tries, 3)
  assert.ok(told.includes('bad is left out: it did not pass undisturbed in 3 tries'), told.join('\n'))
  assert.equal(open.size, 0)
})

test('a stage that does not come is tried again; one that never comes is an error, and the other stage is closed', async () => {
  let tries = 0
  const { crew, open, log } = crewOf()
  const second = { ...crew, open: async () => { if (++tries < 3) throw new Error('a port was taken'); return await crew.open() } }
  await runQueue([caseOf('a', '1')], 1, second)
  assert.deepEqual(log, ['a undisturbed', 'a 1 held'])
  let opened = 0
  const broken = { ...crew, open: async () => { if (++opened > 1) throw new Error('no room'); return await crew.open() } }
  await assert.rejects(runQueue([caseOf('a', '1'), caseOf('a', '2')], 2, broken), /no room/)
  assert.equal(open.size, 0)
})

test('no case is begun once it is to stop, and what runs is ended', async () => {
  let goesOn = true
  const { crew, log } = crewOf({ goesOn: () => goesOn, run: async () => { goesOn = false; return held } })
  await runQueue([caseOf('a', '1'), caseOf('a', '2')], 1, crew)
  assert.deepEqual(log, ['a undisturbed', 'a 1 held'])
})
