import type { DrillInput } from '../src/drill/input.js'
import { answerersText, whoCanAnswer, type Absent, type Answerer, type OnCall } from '../src/drill/on-call.js'
import type { Person, Place, Role } from '../src/drill/people.js'
import { allSteps, isSkipped } from '../src/drill/runbook.js'
import type { Refusal } from '../src/drill/timeline.js'
import { orBlind } from './or-blind.js'

export interface WhoDecidesDeps {
  /** Everybody with a way in, those who are away too. */
  onCall: () => Promise<OnCall[]>
}

/** Why a gate or task of the runbook could not be answered now: too few people beside the requester, away without a deputy included. */
export async function whoDecides (deps: WhoDecidesDeps, { runbook, commander, environment }: Pick<DrillInput, 'runbook' | 'environment'> & { commander: Pick<Person, 'id' | 'name'> }): Promise<Refusal[]> {
  const wanted = new Map<Role, { people: number, step: string }>()
  const want = (role: Role, people: number, step: string): void => {
    if ((wanted.get(role)?.people ?? 0) < people) wanted.set(role, { people, step })
  }
  for (const step of allSteps(runbook.steps)) {
    if (isSkipped(step)) continue
    if (step.kind === 'gate') want(step.role, Number(step.approvals ?? 1), step.id)
    if (step.kind === 'task') want(step.role, 1, step.id)
  }
  if (wanted.size === 0) return []
  return await orBlind(`who holds ${[...wanted.keys()].join(', ')}`, async () => {
    const people = await deps.onCall()
    return [...wanted].flatMap(([role, { people: needed, step }]): Refusal[] => {
      const found = whoCanAnswer(people, [role], environment, commander.id)
      if (found.can.length >= needed) return []
      const mend = environment.tier === 'production' ? `muster people grant ID ${role}@${environment.name}, confirmed by a second admin` : `muster people add ID --role ${role}`
      return [{ code: 'preflight.nobody', message: `step "${step}" needs ${needed} × ${role} in ${environment.name} beside ${commander.name}, who starts the drill. Who can answer now: ${answerersText(found)} (\`${mend}\`; who is away names a deputy)` }]
    })
  })
}

export interface Question {
  roles: Role[]
  place: Place
  /** Who started the drill, where they may not answer. */
  requester?: string
}

/** Who can answer a question now. */
export function createAnswerers ({ onCall }: WhoDecidesDeps) {
  return async ({ roles, place, requester }: Question): Promise<{ can: Answerer[], away: Absent[] }> => whoCanAnswer(await onCall(), roles, place, requester)
}
