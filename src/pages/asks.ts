import { decide, isRefused, type GateState } from '../drill/decide.js'
import { rolesIn, seatsOf, type Person, type Place } from '../drill/people.js'
import type { DrillStatus, Waiting } from '../drill/status.js'
import type { DrillEvent, EventOf } from '../drill/timeline.js'
import { render } from './render.js'

/** Whoever looks at the gates and tasks of a drill. */
export interface Asked {
  person: Person
  /** Of the session, for the forms. */
  formToken: string
}

/** A gate or task as one person sees it. */
export interface Ask extends Waiting {
  who: string
  /** What happens when nobody answers. */
  silence?: string
  /** The last results, for whoever has to decide. */
  checked: Array<{ mark: string, text: string }>
  mayApprove: boolean
  mayReject: boolean
  mayConfirm: boolean
  /** Why this person may not, in the words of the drill itself. */
  refusal?: string
  action: string
}

/** The gates and tasks that are open, with the forms that this person may send. */
export function drawAsks (events: DrillEvent[], status: DrillStatus, { person, formToken }: Asked): string {
  const asks = asksOf(events, status, person)
  return asks.length === 0 ? '' : render('run/asks', { asks, formToken, where: status.environment.toUpperCase() })
}

export function asksOf (events: DrillEvent[], status: DrillStatus, person: Person): Ask[] {
  const checked = events.filter((event): event is EventOf<'check.answered'> => event.type === 'check.answered').slice(-3)
    .map(({ outcome, check, observed }) => ({ mark: outcome === 'pass' ? '✓' : outcome === 'fail' ? '✗' : '?', text: `${check}: ${observed}` }))
  const place: Place = { name: status.environment, tier: status.tier }
  return status.waitingFor.map(waiting => {
    const about = { ...waiting, checked, silence: silences[waiting.onTimeout ?? ''] ?? waiting.onTimeout }
    if (waiting.kind === 'task') {
      const mayConfirm = seatsOf(person, waiting.roles, place).length > 0
      return {
        ...about, who: waiting.roles.join(' or '), mayApprove: false, mayReject: false, mayConfirm,
        ...(mayConfirm ? {} : { refusal: `This is for ${waiting.roles.join(' or ')}; ${person.name} is ${rolesIn(person, place).join(', ') || 'nothing'} in ${place.name}.` }),
        action: `/drills/${status.drillId}/tasks/${waiting.step}`,
      }
    }
    const gate = gateOf(events, status, waiting)
    const refusalOf = (answer: 'approve' | 'reject'): string | undefined => {
      const weighed = decide(gate, { step: waiting.step, answer, reason: 'why', person, door: 'page', key: 'look' }, { breakGlass: false, place })
      return isRefused(weighed) ? weighed.refused.message : undefined
    }
    const [approve, reject] = [refusalOf('approve'), refusalOf('reject')]
    return {
      ...about, who: `${waiting.roles.join(' or ')}, not ${status.commander.name} who started the drill`,
      mayApprove: approve === undefined, mayReject: reject === undefined, mayConfirm: false,
      ...(approve === undefined ? {} : { refusal: `${approve}.` }),
      action: `/drills/${status.drillId}/gates/${waiting.step}`,
    }
  })
}

const silences: Record<string, string> = {
  abort: 'the drill is aborted, and everything undone',
  hold: 'the gate stays open, and the drill waits',
  escalate: 'the next role is asked too',
  fail: 'the drill fails, and everything is undone',
  finding: 'that is a finding, and the drill goes on',
}

/** What the gate knows, from the record. */
function gateOf (events: DrillEvent[], status: DrillStatus, waiting: Waiting): GateState {
  const votes = events.filter((event): event is EventOf<'gate.decided'> => event.type === 'gate.decided' && event.step === waiting.step)
  return {
    step: waiting.step, state: 'open', roles: waiting.roles, approvals: waiting.approvals, requester: status.commander.id,
    votes: votes.map(({ person, answer, seq, for: seat }) => ({ person: person.id, name: person.name, answer, key: String(seq), ...(seat ? { for: seat } : {}) })),
  }
}
