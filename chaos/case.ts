import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../src/control/until.js'
import type { DrillStatus } from '../src/drill/status.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import type { Verdict } from '../src/drill/verdict.js'
import { messageOf } from '../src/errors.js'
import { strike, type Struck } from './deed.js'
import type { Kind, Moment } from './moment.js'
import { proofAfter } from './proof.js'
import { shortly, tried, type Order, type Stage } from './stage.js'
import { traces, type Traces } from './traces.js'

export interface Case {
  runbook: string
  moment: Moment
  kind: Kind
  /** Of the drill, e.g. for a shorter baseline. */
  params?: Record<string, unknown>
}

/** What an undisturbed drill of a runbook took and did: what a disturbed one is compared with. */
export interface Undisturbed {
  /** Of each moment, ms. */
  tookMs: Record<string, number>
  promotions: number
}

export interface Outcome {
  /**
   * `left`: not whole, and the drill says exactly what it left; `missed`: the moment never came; `strayed`: nothing was lost or left, but
   * the drill stopped at another step, e.g. at a deadline of its own on a busy machine, so that it did not go the way it was to be struck on.
   */
  result: 'held' | 'left' | 'broken' | 'missed' | 'strayed'
  verdict?: Verdict
  why?: string
  problems: string[]
  /** Where it stopped, and why. */
  strayed?: string
  drillId?: string
  /** From the worker's death until the watchdog had reverted everything, ms. */
  revertedAfterMs?: number
}

/** Longest that a drill may take from its disturbance to its end, ms. */
const endWithinMs = 240_000

/**
 * A drill that something happens to, from its start to the proof that nothing was lost, doubled or left.
 * @param options.order instead of what the kind asks for  @param options.wholeWithinMs how long the environment has to be as it was
 */
export async function runCase (
  stage: Stage, { runbook, moment, kind, params }: Case, undisturbed: Undisturbed, options: { order?: Order, wholeWithinMs?: number } = {}
): Promise<Outcome> {
  stage.clear()
  const order = options.order ?? orderOf(moment, kind, undisturbed.tookMs[moment.name])
  let before: Traces
  let drillId: string
  try {
    before = await wholeBefore(stage)
    if (order) stage.give(order)
    drillId = await stage.start(kind.startsWith('alone-') ? shortly(runbook) : runbook, params)
  } catch (error) {
    // What an earlier case has left may be the reason: whether it starts elsewhere is for a new stage to say.
    return { result: 'broken', problems: [`it did not start: ${messageOf(error)}`] }
  }
  const drill = follow(stage, drillId, moment)
  let struck: Struck | undefined
  try {
    // A drill may end before what was killed is back: it was struck all the same.
    if (await Promise.race([drill.ended.then(() => false), drill.arrived.then(() => true)])) {
      struck = await strike(stage, drillId, kind)
      drill.go()
    }
    const status = await drill.ended
    await struck?.after?.()
    const { problems, strayed } = await proofAfter(stage, {
      drillId, kind, moment, before, decisions: drill.decisions, struck, promotions: undisturbed.promotions, wholeWithinMs: options.wholeWithinMs,
    })
    const result = problems.length > 0 ? 'broken' : struck === undefined ? 'missed' : strayed !== undefined ? 'strayed' : status.leftBehind.length > 0 ? 'left' : 'held'
    return { result, verdict: status.verdict, why: status.why, problems, strayed, drillId, revertedAfterMs: struck?.revertedAfterMs }
  } catch (error) {
    return { result: 'broken', problems: [`${messageOf(error)}`], drillId }
  } finally {
    drill.stop()
  }
}

/** What the lab is compared with afterwards. On a busy machine a server may not answer in time: that is no state to come back to. */
async function wholeBefore (stage: Stage): Promise<Traces> {
  const whole = await until(async () => {
    const now = await traces(stage)
    return now.promotions >= 0 && !now.roles.some(role => role.endsWith(' unknown')) ? now : undefined
  }, { everyMs: 500, deadlineMs: 60_000 })
  if (!whole) throw new Error('the lab did not answer whole before the case')
  return whole
}

/** A drill that nothing happens to. Throws where it does not pass: then nothing can be said of the disturbed ones. */
export async function runUndisturbed (stage: Stage, runbook: string, moments: Moment[], params?: Record<string, unknown>): Promise<Undisturbed> {
  stage.clear()
  const before = await wholeBefore(stage)
  const drillId = await stage.start(runbook, params)
  const drill = follow(stage, drillId)
  drill.go()
  const { verdict, why } = await drill.ended
  drill.stop()
  if (verdict !== 'passed' && verdict !== 'passed-with-findings') throw new Error(`${runbook} does not pass undisturbed: ${verdict}: ${why}`)
  const { problems } = await proofAfter(stage, { drillId, before, decisions: drill.decisions, promotions: undefined })
  if (problems.length > 0) throw new Error(`${runbook} leaves something undisturbed: ${problems.join('; ')}`)
  const events = (await tried(async () => await stage.ana.get<{ events: DrillEvent[] }>(`/v1/drills/${drillId}/timeline`, { limit: 1000 }))).events
  return {
    tookMs: Object.fromEntries(moments.flatMap(moment => {
      const took = tookMs(events, moment)
      return took === undefined ? [] : [[moment.name, took]]
    })),
    promotions: (await traces(stage)).promotions - before.promotions,
  }
}

function tookMs (events: DrillEvent[], { name }: Moment): number | undefined {
  const entry = name.startsWith('undo ') ? name.slice(5) : undefined
  const from = events.find(event => entry === undefined ? event.type === 'step.started' && event.step === name : event.type === 'undo.started' && event.entry === entry)
  const to = events.find(event => entry === undefined ? event.type === 'step.finished' && event.step === name : event.type === 'undo.finished' && event.entry === entry)
  return from && to && to.atMs - from.atMs
}

function orderOf ({ at }: Moment, kind: Kind, took = 0): Order | undefined {
  if (!('activity' in at)) return undefined
  switch (kind) {
    case 'fail': return { ...at, deed: 'fail' }
    case 'repeat': return { ...at, deed: 'lose' }
    case 'worker-before': case 'alone-before': return { ...at, deed: 'die-before' }
    case 'worker-in': case 'alone-in': return { ...at, deed: 'die-in', inMs: Math.max(5, Math.round(took / 2)) }
    case 'worker-after': case 'alone-after': return { ...at, deed: 'die-after' }
    case 'watchdog': case 'api': case 'temporal': case 'store': case 'abort': case 'terminate': case 'halt': return { ...at, deed: 'hold' }
  }
}

interface Following {
  /** The moment has come; never, where it does not. */
  arrived: Promise<void>
  /** What was to happen has happened: a gate that was the moment is answered from now on. */
  go: () => void
  ended: Promise<DrillStatus>
  /** Answers of people that Muster said it has taken. */
  decisions: Array<{ step: string, person: string, type: 'gate.decided' | 'task.confirmed' }>
  stop: () => void
}

/** Watches a drill until its end is on record, and answers whatever it asks people. What is away meanwhile is asked again. */
function follow (stage: Stage, drillId: string, moment?: Moment): Following {
  const stopped = new AbortController()
  const decisions: Following['decisions'] = []
  const at = moment?.at
  const isOrder = at !== undefined && 'activity' in at
  let arrive = (): void => {}
  const arrived = new Promise<void>(resolve => { arrive = resolve })
  let happened = false

  const look = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const here = isOrder ? stage.isTaken() : at !== undefined && await hasStarted(stage, drillId, at.started)
      if (here) { arrive(); return }
      await delay(isOrder ? 15 : 100)
    }
  }
  const attend = async (): Promise<DrillStatus> => {
    const status = await until(async () => {
      const now = (await stage.ana.get<{ status: DrillStatus }>(`/v1/drills/${drillId}`).catch(() => undefined))?.status
      if (stopped.signal.aborted || now?.phase === 'ended') return now
      for (const waiting of now?.waitingFor ?? []) {
        if (at !== undefined && 'started' in at && at.started === waiting.step && !happened) continue
        await answer(stage, drillId, waiting, decisions)
      }
      return undefined
    }, { everyMs: 250, deadlineMs: endWithinMs })
    if (!status) throw new Error(`the drill had not ended after ${endWithinMs / 1000} s`)
    return status
  }
  if (at !== undefined) look().catch(() => {})
  const ended = attend()
  ended.catch(() => {})
  return { arrived, ended, decisions, go: () => { happened = true }, stop: () => { stopped.abort() } }
}

async function hasStarted (stage: Stage, drillId: string, step: string): Promise<boolean> {
  const events = await stage.eventsOf(drillId, 0).catch(() => [])
  return events.some(event => event.type === 'step.started' && event.step === step)
}

async function answer (stage: Stage, drillId: string, waiting: DrillStatus['waitingFor'][number], decisions: Following['decisions']): Promise<void> {
  for (const [index, person] of stage.others.entries()) {
    const name = ['Ben', 'Cy'][index]!
    try {
      // The same key every time: an answer that was taken, and whose answer got lost, counts once.
      const key = `${name}-${waiting.step}`
      if (waiting.kind === 'gate') await person.post(`/v1/drills/${drillId}/gates/${waiting.step}/decision`, { answer: 'approve', reason: 'chaos', key })
      else await person.post(`/v1/drills/${drillId}/tasks/${waiting.step}/confirmation`, { note: 'chaos', key })
      const decision = { step: waiting.step, person: name, type: waiting.kind === 'gate' ? 'gate.decided' : 'task.confirmed' } as const
      if (!decisions.some(one => one.step === decision.step && one.person === name)) decisions.push(decision)
      if (waiting.approved + index + 1 >= waiting.approvals) return
    } catch {
      // Closed meanwhile, or a part of Muster is away: the next look says which.
    }
  }
}
