import { until } from '../src/control/until.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import type { DrillStatus } from '../src/drill/status.js'
import type { TimelineExport } from '../src/store/chain.js'
import { verifyChain } from '../src/store/chain.js'
import { messageOf } from '../src/errors.js'
import type { Struck } from './deed.js'
import type { Kind, Moment } from './moment.js'
import { tried, type Stage } from './stage.js'
import { differences, traces, type Traces } from './traces.js'

export interface Aftermath {
  drillId: string
  kind?: Kind
  moment?: Moment
  before: Traces
  decisions: Array<{ step: string, person: string, type: 'gate.decided' | 'task.confirmed' }>
  /** Undefined where the moment never came. */
  struck?: Struck
  /** How often the database is promoted in a drill that goes its whole way; undefined where nobody knows yet. */
  promotions: number | undefined
  /** A replica has this long to catch up, an alert to fall silent. Default 90 s. */
  wholeWithinMs?: number
}

export interface Proof {
  /** Everything that is wrong, a line each: with its record, with what was done twice, with what was left. */
  problems: string[]
  /** Where the drill stopped without having been struck there, and why. */
  strayed?: string
}

/** What is to be said of a drill that has ended. */
export async function proofAfter (stage: Stage, aftermath: Aftermath): Promise<Proof> {
  const { drillId } = aftermath
  const exported = await recordOf(stage, drillId)
  const events = exported.events.map(({ event }) => event)
  const { leftBehind } = (await tried(async () => await stage.ana.get<{ status: DrillStatus }>(`/v1/drills/${drillId}`))).status
  const problems = [
    ...recordProblems(exported),
    ...await lostProblems(stage, drillId, events),
    ...decisionProblems(events, aftermath.decisions),
    ...doublingProblems(events),
    ...verdictProblems(events, aftermath),
    // It says what it left: whoever reads it knows, and knows the command.
    ...leftBehind.length > 0 ? [] : await wholeProblems(stage, aftermath, events),
    ...stage.dev.ailing().map(part => `${part} has ended by itself`),
  ]
  return { problems, strayed: aftermath.moment && strayedFrom(events, aftermath.moment) }
}

/** The step at which a drill stopped although nothing was done to it there; undefined where it went its way, was told to stop, or the watchdog ended it. */
export function strayedFrom (events: DrillEvent[], moment: Moment): string | undefined {
  const first = events.find(event => ['lease.reverted', 'abort.requested', 'undo.asked'].includes(event.type) || (event.type === 'step.finished' && event.outcome === 'failed'))
  return first?.type === 'step.finished' && first.step !== moment.name ? `it stopped at "${first.step}": ${first.summary}` : undefined
}

/** The record arrives later than the drill ends where the store was away; where it never comes, what there is. */
async function recordOf (stage: Stage, drillId: string): Promise<TimelineExport> {
  const ask = async (): Promise<TimelineExport> => await tried(async () => await stage.ana.get<TimelineExport>(`/v1/drills/${drillId}/export`))
  return await until(async () => {
    const exported = await ask()
    return exported.events.some(({ event }) => event.type === 'drill.ended') ? exported : undefined
  }, { everyMs: 300, deadlineMs: 60_000 }) ?? await ask()
}

function recordProblems (exported: TimelineExport): string[] {
  const verified = verifyChain(exported)
  const events = exported.events.map(({ event }) => event)
  const gap = events.findIndex((event, index) => event.seq !== index + 1)
  const ends = events.filter(event => event.type === 'drill.ended').length
  return [
    ...verified.ok ? [] : [`the hash chain does not hold: ${verified.problem}`],
    ...gap === -1 ? [] : [`event ${gap + 1} is missing`],
    ...ends === 1 ? [] : [`it has ended ${ends} times`],
  ]
}

/** What the workflow knows and the record does not. */
async function lostProblems (stage: Stage, drillId: string, events: DrillEvent[]): Promise<string[]> {
  const known = await until(async () => await stage.eventsOf(drillId, 0).catch(() => undefined), { everyMs: 500, deadlineMs: 30_000 })
  if (!known) return ['the workflow could not be asked what it knows']
  return known.flatMap(event => JSON.stringify(sorted(events[event.seq - 1])) === JSON.stringify(sorted(event)) ? [] : [`event ${event.seq} (${event.type}) is not on record as the workflow has it`])
}

function sorted (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined).sort(([a], [b]) => a < b ? -1 : 1).map(([key, item]) => [key, sorted(item)]))
}

function decisionProblems (events: DrillEvent[], decisions: Aftermath['decisions']): string[] {
  return decisions.flatMap(({ step, person, type }) => {
    const found = events.filter(event => event.type === type && event.step === step && event.person.name === person).length
    return found === 1 ? [] : [`what ${person} decided on "${step}" is on record ${found} times`]
  })
}

function doublingProblems (events: DrillEvent[]): string[] {
  const seen = new Map<string, number>()
  for (const event of events) {
    const what = event.type === 'step.started' || event.type === 'step.finished' || event.type === 'fault.struck' ? `${event.type} ${event.step}` : event.type === 'undo.owed' ? `undo.owed ${event.entry}` : undefined
    if (what !== undefined) seen.set(what, (seen.get(what) ?? 0) + 1)
  }
  const wrong = events.flatMap(event => event.type === 'check.answered' && (event.loss?.doubled ?? 0) > 0 ? [`${event.loss!.doubled} canaries are there twice`] : [])
  return [...[...seen].flatMap(([what, times]) => times > 1 ? [`${what} is there ${times} times`] : []), ...wrong]
}

/** What may be green after what. */
function verdictProblems (events: DrillEvent[], { kind, moment, struck }: Aftermath): string[] {
  const end = events.findLast(event => event.type === 'drill.ended')
  if (!end) return []
  const isGreen = end.verdict === 'passed' || end.verdict === 'passed-with-findings'
  const said = `it says ${end.verdict}: ${end.why}`
  const owed = new Set(events.flatMap(event => event.type === 'undo.owed' ? [event.entry] : []))
  for (const event of events) if (event.type === 'undo.finished' || event.type === 'undo.leftBehind') owed.delete(event.entry)
  return [
    ...[...owed].map(entry => `"${entry}" is neither undone nor said to be left behind`),
    ...struck && struck.heldAtDeath.length > 0 && isGreen ? [`the watchdog has reverted ${struck.heldAtDeath.join(', ')}, and ${said}`] : [],
    ...events.some(event => event.type === 'lease.reverted') && isGreen ? [`the watchdog has reverted something, and ${said}`] : [],
    // Whoever renews goes on renewing: the one that comes back counts from its own beginning.
    ...kind === 'watchdog' && events.some(event => event.type === 'lease.reverted') ? ['the watchdog that came back has reverted what was being renewed'] : [],
    // An undo that fails is tried again; a step is not.
    ...struck && kind === 'fail' && !moment?.name.startsWith('undo ') && isGreen ? [`a step has failed, and ${said}`] : [],
    ...struck && kind !== undefined && ['abort', 'terminate', 'halt'].includes(kind) && isGreen && !isUnwound(events) ? [`it was stopped, and ${said}`] : [],
  ]
}

/** An abort that comes when everything is being undone anyway changes nothing. */
function isUnwound (events: DrillEvent[]): boolean {
  return !events.some(event => event.type === 'abort.requested' || event.type === 'undo.asked')
}

/** The environment by its own verification, and by looking at the machine. */
async function wholeProblems (stage: Stage, { before, promotions, kind, wholeWithinMs = 90_000 }: Aftermath, events: DrillEvent[]): Promise<string[]> {
  let steady = ''
  let different: string[] = []
  let after = before
  const isWhole = await until(async () => {
    after = await traces(stage)
    different = differences(before, after)
    if (different.length > 0) return undefined
    steady = await steadyState(stage)
    return steady === '' || undefined
  }, { everyMs: 1000, deadlineMs: wholeWithinMs })
  if (!isWhole) return different.length > 0 ? different : [`it is not as it was: ${steady}`]
  const end = events.findLast(event => event.type === 'drill.ended')
  const wentAllTheWay = end?.type === 'drill.ended' && (end.verdict === 'passed' || end.verdict === 'passed-with-findings')
  return wentAllTheWay && kind === 'repeat' && promotions !== undefined && after.promotions - before.promotions !== promotions
    ? [`the database was promoted ${after.promotions - before.promotions} times, not ${promotions}`]
    : []
}

/** Empty where the runbook that only looks passes; else why it does not. */
async function steadyState (stage: Stage): Promise<string> {
  try {
    const drillId = await stage.start('steady-state')
    const status = await until(async () => {
      const { status } = await stage.ana.get<{ status: DrillStatus }>(`/v1/drills/${drillId}`)
      return status.phase === 'ended' ? status : undefined
    }, { everyMs: 50, deadlineMs: 30_000 })
    return status?.verdict === 'passed' ? '' : status?.why ?? 'steady-state did not end'
  } catch (error) {
    return messageOf(error)
  }
}
