import { clockText, durationText } from '../drill/duration.js'
import type { DrillStatus } from '../drill/status.js'
import type { DrillEvent } from '../drill/timeline.js'
import { actions, banner, button, context, fields, header, section, type Block, type Drawn } from './blocks.js'
import type { PeopleStep } from './people-step.js'
import { escape, moment, plainMoment } from './text.js'
import { runUrl, type Surroundings } from './surroundings.js'

/** What a button carries: where it belongs. Everything else is looked up when it is clicked. */
export const valueOf = (drillId: string, step: string): string => `${drillId}|${step}`

/**
 * A gate or a task as a message: what happens on approve and what it can break, the results so far, the clock, who may decide, and
 * what silence means; then the buttons, or in their place how it ended.
 */
export function drawGate (gate: PeopleStep, status: DrillStatus, events: DrillEvent[], around: Surroundings): Drawn {
  const isTask = gate.kind === 'task'
  const target = status.environment.toUpperCase()
  const number = status.steps.findIndex(step => step.id === gate.step) + 1
  const title = isTask ? `Task for ${gate.roles.join(' or ')}` : `Approval needed: ${gate.title}`
  const asked = `${title} (${target})`
  const outcome = outcomeOf(gate, status, events)
  // As it was when it was asked, reminded of or escalated; over and done with, it would only mislead.
  const canAnswer = gate.closed ? undefined : status.waitingFor.find(waiting => waiting.step === gate.step)?.canAnswer
  return {
    text: gate.closed ? `${banner}: ${escape(gate.title)} (${escape(target)}): ${escape(outcome.notice)}` : `${banner}: ${escape(asked)}, answer by ${plainMoment(gate.deadlineAtMs)}`,
    blocks: [
      header(`${banner} – ${title}`),
      section(isTask ? `*${escape(gate.title, 2000)}*` : [`*On approve:* ${escape(gate.effect ?? '', 1000)}`, ...gate.risk === undefined ? [] : [`*It can break:* ${escape(gate.risk, 1000)}`]].join('\n')),
      fields([
        `*Drill*\n${escape(status.runbookTitle)}${number > 0 ? ` (step ${number} of ${status.steps.length})` : ''}`,
        `*Target*\n*${escape(target)}* (${status.tier})`,
        `*Requested by*\n${escape(status.commander.name)}`,
        isTask ? `*For*\n${gate.roles.join(' or ')}` : `*Approvals*\n${approved(gate)} of ${gate.approvals}`,
        `*Answer by*\n${gate.overdue ? 'overdue, held open' : moment(gate.deadlineAtMs, '{date_short_pretty} {time_secs}')}`,
        ...isTask ? [] : [`*If nobody answers*\n${silence(gate)}`],
        `*Recovery clock*\n${clock(status)}`,
        ...canAnswer === undefined ? [] : [`*Can answer now*\n${escape(canAnswer)}`],
      ]),
      ...checked(events, gate, around, status),
      ...gate.closed
        ? [section(outcome.lines.join('\n'))]
        : [...outcome.lines.length > 0 ? [section(outcome.lines.join('\n'))] : [], buttons(gate, status, around)],
      context(`${isTask ? 'Done by' : 'Decided by'} ${gate.roles.join(' or ')}${isTask ? '' : `; ${escape(status.commander.name)}, who started the drill, may reject and not approve`}. ${escape(status.drillId)} · ${escape(status.runbook)} ${status.runbookHash.slice(0, 12)}`),
    ],
  }
}

/** A mention in the thread: somebody is waited for still, or the next role is asked now. */
export function drawNudge (gate: PeopleStep, status: DrillStatus, about: 'reminder' | 'escalation', around: Surroundings): Drawn {
  const target = status.environment.toUpperCase()
  const left = about === 'reminder' ? clockText(gate.reminded?.leftMs ?? 0) : undefined
  const role = about === 'escalation' ? gate.escalated?.role : undefined
  const what = left === undefined ? `nobody answered "${gate.title}" in time, so it goes to ${role} too` : `"${gate.title}" is still waiting for an answer, ${left} left`
  const whom = around.mentions(role === undefined ? gate.roles : [role])
  return {
    text: `${banner}: ${escape(what)} (${escape(target)})`,
    blocks: [section(`*${banner}* (${escape(target)}) ${whom}\n${escape(what)}; answer by ${moment(gate.deadlineAtMs)}, else ${silence({ ...gate, ...role === undefined ? {} : { onTimeout: 'abort' } })}.`)],
  }
}

function buttons (gate: PeopleStep, status: DrillStatus, around: Surroundings): Block {
  const value = valueOf(status.drillId, gate.step)
  const view = button({ id: 'run.view', text: 'View run', url: runUrl(around, status.drillId) })
  if (gate.kind === 'task') return actions(`task:${gate.step}`, button({ id: 'task.done', text: 'Done', style: 'primary', value }), view)
  return actions(`gate:${gate.step}`,
    button({ id: 'gate.approve', text: 'Approve', style: 'primary', value, confirm: { title: `Approve in ${status.environment.toUpperCase()}?`, text: gate.effect ?? gate.title, confirm: 'Approve' } }),
    button({ id: 'gate.reject', text: 'Reject', style: 'danger', value }),
    view)
}

function approved (gate: PeopleStep): number {
  return gate.votes.filter(vote => vote.answer === 'approve').length
}

function silence (gate: Pick<PeopleStep, 'onTimeout' | 'overdue' | 'escalated'>): string {
  if (gate.onTimeout === 'hold') return gate.overdue ? 'the drill keeps waiting' : 'it stays open, and the drill waits'
  if (gate.onTimeout === 'escalate' && !gate.escalated) return 'the next role is asked too'
  return 'the drill is aborted and undone'
}

function clock (status: DrillStatus): string {
  const objective = status.objectives.rto === undefined ? '' : ` of ${status.objectives.rto}`
  const { startedAtMs, rtaTechnicalMs } = status.clock
  if (rtaTechnicalMs !== undefined) return `stopped at ${durationText(rtaTechnicalMs)}${objective}`
  // Not the running time: a message that is not redrawn each second would show an old one.
  return startedAtMs === undefined ? `not running${objective}` : `running since ${moment(startedAtMs)}${objective}`
}

/** The last three results before the gate opened (or, for one that is open, up to now), with their numbers. */
function checked (events: DrillEvent[], gate: PeopleStep, around: Surroundings, status: DrillStatus): Block[] {
  const marks = { passed: '✓', failed: '✗', finding: '!', aborted: '⊘' } as const
  const until = gate.closed?.atMs ?? Infinity
  const results = events.flatMap(event => event.type === 'step.finished' && event.step !== gate.step && event.atMs <= until ? [`${marks[event.outcome]} ${escape(event.step, 60)}: ${escape(event.summary, 200)}`] : [])
  return [section(`*Checked so far*\n${results.slice(-3).join('\n') || 'nothing yet'}\n<${runUrl(around, status.drillId)}|everything, live>`)]
}

interface Outcome { lines: string[], notice: string }

/** What people answered, and how it ended; each vote is in its place while others are missing. */
function outcomeOf (gate: PeopleStep, status: DrillStatus, events: DrillEvent[]): Outcome {
  const votes = gate.votes.map(vote => {
    const unverified = vote.verified ? '' : ' (unverified, by a signal)'
    return `${vote.answer === 'approve' ? '✅ Approved' : '⛔ Rejected'} by ${escape(vote.person.name)}${unverified} at ${moment(vote.atMs)}${vote.reason ? `: “${escape(vote.reason, 500)}”` : ''}`
  })
  const last = gate.votes.at(-1)
  switch (gate.closed?.outcome) {
    case undefined: return { lines: votes, notice: '' }
    case 'approved': return { lines: votes, notice: `approved by ${gate.votes.map(vote => vote.person.name).join(', ')}` }
    case 'rejected': return { lines: [...votes, 'Everything that was done is undone now.'], notice: `rejected by ${last?.person.name ?? 'somebody'}` }
    case 'confirmed': return {
      lines: [`✅ Done by ${escape(gate.confirmed?.person.name ?? 'somebody')} at ${moment(gate.closed.atMs)}${gate.confirmed?.note ? `: “${escape(gate.confirmed.note, 500)}”` : ''}`],
      notice: `done by ${gate.confirmed?.person.name ?? 'somebody'}`,
    }
    case 'timeout': return { lines: [...votes, `⌛ No answer by ${moment(gate.deadlineAtMs)}${gate.kind === 'gate' ? '; the drill is undone' : ''}`], notice: 'nobody answered in time' }
    case 'aborted': {
      const abort = events.find(event => event.type === 'abort.requested')
      return { lines: [...votes, `🚫 Drill aborted${abort?.type === 'abort.requested' ? ` by ${escape(abort.person.name)}: “${escape(abort.reason, 500)}”` : ''}`], notice: 'the drill was aborted' }
    }
    case 'over': return { lines: [...votes, `🚫 The drill ended before this was answered${status.verdict === undefined ? '' : `: ${status.verdict}`}`], notice: 'the drill is over' }
  }
}
