import { ApplicationFailure, condition, getExternalWorkflowHandle, setHandler, type ExternalWorkflowHandle } from '@temporalio/workflow'
import { isRefused, type Decision } from '../src/drill/decide.js'
import { rolesAnywhere, rolesIn, seatsOf, type Place, type Role } from '../src/drill/people.js'
import * as messages from './messages.js'
import type { Run } from './run.js'

/** Refuses an Update before it leaves a trace in the history. */
function refuse (code: string, message: string): never {
  throw ApplicationFailure.nonRetryable(message, code)
}

/**
 * Opens every door of a drill: updates with a validator where the caller must learn at once, signals that never throw. All of
 * them end in the same pure functions.
 */
export function openDoors (run: Run): void {
  const { journal, gates } = run
  const { environment } = run.input
  const known = (step: string): boolean => journal.current?.steps.some(planned => planned.id === step) ?? false

  setHandler(messages.status, () => journal.status(), { description: 'What the drill is at now' })
  setHandler(messages.timeline, ({ after }) => journal.after(after), { description: 'Events after a number' })

  setHandler(messages.admission, async () => {
    await condition(() => run.admission !== undefined)
    return run.admission!
  }, { description: 'Admitted, or refused with reasons' })

  setHandler(messages.decide, decision => {
    const taken = takeDecision(run, decision)
    if ('refused' in taken) throw ApplicationFailure.nonRetryable(taken.refused.message, taken.refused.code)
    return taken
  }, {
    description: 'A person answers a gate',
    validator: decision => {
      if (!known(decision.step)) refuse('gate.unknown', `this drill has no gate "${decision.step}"`)
      const weighed = gates.weigh(decision)
      if (isRefused(weighed)) refuse(weighed.refused.code, weighed.refused.message)
    },
  })

  setHandler(messages.confirm, confirmation => {
    const task = gates.task(confirmation.step)!
    if (task.state !== 'confirmed') {
      Object.assign(task, { state: 'confirmed', by: confirmation.person.name, key: confirmation.key })
      journal.emit({ type: 'task.confirmed', step: confirmation.step, person: named(confirmation.person), note: confirmation.note, door: confirmation.door })
    }
    return { outcome: 'confirmed' }
  }, {
    description: 'A person says that a task is done',
    validator: ({ step, person, key }) => {
      const task = gates.task(step)
      if (!known(step)) refuse('gate.unknown', `this drill has no task "${step}"`)
      if (!task) refuse('gate.notOpen', `task "${step}" is not open yet`)
      if (task.state === 'confirmed' && task.key !== key) refuse('gate.closed', `task "${step}" is already closed: confirmed by ${task.by}`)
      if (task.state === 'closed') refuse('gate.closed', `task "${step}" is already closed`)
      if (person.service) refuse('decision.service', `${person.name} is a service account: a task is done by a person`)
      if (seatsOf(person, [task.role], environment).length === 0) {
        refuse('decision.role', `task "${step}" is for ${task.role}; ${person.name} is ${rolesIn(person, environment).join(', ') || 'nothing'} in ${environment.name}`)
      }
    },
  })

  setHandler(messages.abort, ({ person, reason, door }) => {
    if (run.aborted || run.phase === 'unwinding' || run.phase === 'ended') return { outcome: 'already' }
    run.aborted = true
    journal.emit({ type: 'abort.requested', person: named(person), reason, door })
    journal.hurry()
    run.work.cancel()
    return { outcome: 'aborting' }
  }, {
    description: 'Stop and undo everything',
    validator: ({ person }) => {
      if (rolesAnywhere(person).length === 0) refuse('auth.forbidden', `${person.name} holds no role; anybody with one may abort`)
    },
  })

  setHandler(messages.note, ({ person, text, door }) => ({ seq: journal.emit({ type: 'note.added', person: named(person), text, door }).seq }), {
    description: 'A line for the timeline',
    validator: ({ text }) => {
      if (text.length > 4000) refuse('input.tooLarge', 'a note has at most 4,000 characters')
      if (run.phase === 'ended') refuse('drill.over', 'the drill has ended')
    },
  })

  setHandler(messages.declare, declaration => {
    const already = journal.events.some(event => event.type === 'outage.declared')
    if (!already) journal.emit({ type: 'outage.declared', person: named(declaration.person), note: declaration.note, door: declaration.door })
    passOn(run, child => child.signal(messages.declared, declaration))
    return { outcome: already ? 'already' : 'declared' }
  }, { description: 'A person says that there is an outage' })

  setHandler(messages.declared, declaration => {
    journal.emit({ type: 'outage.declared', person: named(declaration.person), note: declaration.note, door: declaration.door })
  })

  // Break-glass. Whatever comes in, a signal handler never throws: that would fail the drill.
  setHandler(messages.approval, payload => {
    const decision = readDecision(payload, environment)
    const claimed = decision?.person.id ?? 'somebody'
    if (!decision) {
      journal.emit({ type: 'message.refused', code: 'input.invalid', message: 'an approval signal needs step, answer, person { id, name, roles } and key', claimed, door: 'signal' })
      return
    }
    const taken = takeDecision(run, { ...decision, door: 'signal' })
    if ('refused' in taken) journal.emit({ type: 'message.refused', ...taken.refused, claimed, door: 'signal' })
  })

  setHandler(messages.alert, alert => {
    const seen = journal.events.some(event => event.type === 'alert.arrived' && event.name === alert.name && event.state === alert.state && event.startsAtMs === alert.startsAtMs)
    if (!seen) journal.emit({ type: 'alert.arrived', ...alert })
    passOn(run, child => child.signal(messages.alert, alert))
  })

  setHandler(messages.probe, edge => { run.observer.edge(edge) })
  setHandler(messages.loadUp, ({ step, shard }) => { run.loads.up(step, shard) })
}

/** Nested drills hear what their parent hears; one that has just ended hears nothing. */
function passOn (run: Run, tell: (child: ExternalWorkflowHandle) => Promise<void>): void {
  for (const child of run.nested) tell(getExternalWorkflowHandle(child)).catch(() => undefined)
}

function takeDecision (run: Run, decision: Decision): { outcome: 'approved' | 'rejected' | 'undecided', missing: number } | { refused: { code: string, message: string } } {
  const taken = run.gates.take(decision)
  if (isRefused(taken)) return taken
  if (taken.counted) {
    const { step, person, answer, reason, door } = decision
    run.journal.emit({
      type: 'gate.decided', step, person: named(person), for: taken.gate.votes.at(-1)?.for, answer, reason, door, verified: door !== 'signal',
    })
    // An approval sets machines to work, and the recovery clock runs: its record goes with what follows, and costs them nothing.
    if (taken.outcome !== 'approved') run.journal.hurry()
  }
  const approved = taken.gate.votes.filter(vote => vote.answer === 'approve').length
  return { outcome: taken.outcome, missing: taken.outcome === 'undecided' ? taken.gate.approvals - approved : 0 }
}

/** A break-glass payload is typed by hand: what is missing makes it none. The roles are claimed for this drill's environment. */
function readDecision (payload: unknown, { name: environment }: Place): Decision | undefined {
  const given = payload as Partial<Decision> | null | undefined
  const person = given?.person
  if (typeof given?.step !== 'string' || (given.answer !== 'approve' && given.answer !== 'reject')) return undefined
  if (typeof person?.id !== 'string' || !Array.isArray(person.roles)) return undefined
  const { id, name = id, roles } = person
  const reason = typeof given.reason === 'string' ? given.reason.slice(0, 2000) : undefined
  const grants = roles.map((role: Role) => ({ role, in: environment, fourEyes: true }))
  return { step: given.step, answer: given.answer, reason, person: { id, name: String(name), roles, grants }, door: 'signal', key: String(given.key ?? id) }
}

function named (person: { id: string, name: string }): { id: string, name: string } {
  return { id: person.id, name: person.name }
}
