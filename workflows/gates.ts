import { decide, isRefused, type Decided, type Decision, type GateState, type Refused } from '../src/drill/decide.js'
import type { Place, Role } from '../src/drill/people.js'

interface Task { step: string, role: Role, state: 'open' | 'confirmed' | 'closed', by?: string, key?: string }

/** The gates and tasks of a drill: which are open, who voted, how each ended. State only; waiting is the steps' business. */
export class GateBook {
  private readonly gates = new Map<string, GateState>()
  private readonly tasks = new Map<string, Task>()

  constructor (private readonly requester: string, private readonly rules: { breakGlass: boolean, place: Place }) {}

  open (step: string, roles: Role[], approvals: number): GateState {
    const gate: GateState = { step, state: 'open', roles, approvals, requester: this.requester, votes: [] }
    this.gates.set(step, gate)
    return gate
  }

  gate (step: string): GateState | undefined {
    return this.gates.get(step)
  }

  task (step: string): Task | undefined {
    return this.tasks.get(step)
  }

  openTask (step: string, role: Role): void {
    this.tasks.set(step, { step, role, state: 'open' })
  }

  close (step: string, because: string): void {
    const gate = this.gates.get(step)
    if (gate && gate.state === 'open') this.gates.set(step, { ...gate, state: 'closed', closedBecause: because })
    const task = this.tasks.get(step)
    if (task && task.state === 'open') task.state = 'closed'
  }

  /** The drill is over for people: whoever comes late hears why. */
  closeAll (because: string): void {
    for (const step of this.openNames()) this.close(step, because)
  }

  escalate (step: string, role: Role): void {
    const gate = this.gates.get(step)
    if (gate) this.gates.set(step, { ...gate, roles: [...gate.roles, role] })
  }

  openNames (): string[] {
    return [...[...this.gates.values()].filter(gate => gate.state === 'open'), ...[...this.tasks.values()].filter(task => task.state === 'open')].map(open => open.step)
  }

  isOpen (step: string): boolean {
    return this.gates.get(step)?.state === 'open' || this.tasks.get(step)?.state === 'open'
  }

  /** What a decision would do; changes nothing. A key that was counted before answers as it did then. */
  weigh (decision: Decision): Decided | Refused {
    const gate = this.gates.get(decision.step)
    if (!gate) return { refused: { code: 'gate.notOpen', message: `gate "${decision.step}" is not open yet` } }
    if (gate.votes.some(vote => vote.key === decision.key)) return { gate, outcome: outcomeOf(gate) }
    return decide(gate, decision, this.rules)
  }

  /** Counts a decision. `counted` is false for one that was counted before. */
  take (decision: Decision): (Decided & { counted: boolean }) | Refused {
    const before = this.gates.get(decision.step)
    const result = this.weigh(decision)
    if (isRefused(result)) return result
    const counted = result.gate !== before
    if (counted) this.gates.set(decision.step, result.gate)
    return { ...result, counted }
  }
}

function outcomeOf (gate: GateState): Decided['outcome'] {
  if (gate.votes.some(vote => vote.answer === 'reject')) return 'rejected'
  return gate.votes.length >= gate.approvals ? 'approved' : 'undecided'
}
