import type { Role } from '../drill/people.js'
import type { DrillEvent, EventOf } from '../drill/timeline.js'

type Vote = EventOf<'gate.decided'>

/** A gate or a task as its events tell it, from its opening to after its end. */
export interface PeopleStep {
  step: string
  kind: 'gate' | 'task'
  title: string
  effect?: string
  risk?: string
  roles: Role[]
  approvals: number
  openedAtMs: number
  deadlineAtMs: number
  onTimeout?: string
  votes: Vote[]
  /** Its deadline has passed, and it is held open. */
  overdue: boolean
  /** The last reminder, and the step to the next role: each is told once. */
  reminded?: EventOf<'gate.reminded'>
  escalated?: EventOf<'gate.escalated'>
  confirmed?: EventOf<'task.confirmed'>
  /** How it ended; `over` where the drill ended and left it open. */
  closed?: { outcome: EventOf<'gate.closed'>['outcome'] | 'confirmed' | 'over', atMs: number }
}

/** The gates and tasks of a timeline, in the order in which they opened. */
export function peopleSteps (events: DrillEvent[]): PeopleStep[] {
  const found = new Map<string, PeopleStep>()
  const change = (step: string, changes: Partial<PeopleStep>): void => {
    const known = found.get(step)
    if (known) Object.assign(known, changes)
  }
  for (const event of events) {
    switch (event.type) {
      case 'gate.opened': {
        const { step, title, effect, risk, roles, approvals, deadlineAtMs, onTimeout } = event
        found.set(step, { step, kind: 'gate', title, effect, risk, roles, approvals, deadlineAtMs, onTimeout, openedAtMs: event.atMs, votes: [], overdue: false })
        break
      }
      case 'task.opened':
        found.set(event.step, { step: event.step, kind: 'task', title: event.instructions, roles: [event.role], approvals: 1, openedAtMs: event.atMs, deadlineAtMs: event.deadlineAtMs, votes: [], overdue: false })
        break
      case 'gate.reminded': change(event.step, { reminded: event }); break
      case 'gate.escalated': change(event.step, { escalated: event, reminded: undefined, deadlineAtMs: event.deadlineAtMs, roles: [...found.get(event.step)?.roles ?? [], event.role] }); break
      case 'gate.overdue': change(event.step, { overdue: true }); break
      case 'gate.decided': found.get(event.step)?.votes.push(event); break
      case 'gate.closed': change(event.step, { closed: { outcome: event.outcome, atMs: event.atMs } }); break
      case 'task.confirmed': change(event.step, { confirmed: event, closed: { outcome: 'confirmed', atMs: event.atMs } }); break
      case 'step.finished': {
        const known = found.get(event.step)
        if (known && !known.closed) known.closed = { outcome: known.kind === 'task' ? 'timeout' : 'over', atMs: event.atMs }
        break
      }
      case 'drill.ended':
        for (const known of found.values()) known.closed ??= { outcome: 'over', atMs: event.atMs }
        break
      default:
    }
  }
  return [...found.values()]
}
