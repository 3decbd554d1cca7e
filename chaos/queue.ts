import { messageOf } from '../src/errors.js'
import type { Case, Outcome, Undisturbed } from './case.js'

/** What the cases are run on, and by: a stage is whatever `open` gives. */
export interface Crew<Stage> {
  open: () => Promise<Stage>
  close: (stage: Stage) => Promise<void>
  /** Throws where the drill does not even pass when nothing happens to it. */
  undisturbed: (stage: Stage, runbook: string) => Promise<Undisturbed>
  run: (stage: Stage, one: Case, undisturbed: Undisturbed) => Promise<Outcome>
  done: (one: Case, outcome: Outcome, tookMs: number) => void
  tell: (line: string) => void
  /** False: no further case is begun. */
  goesOn: () => boolean
}

/** So often is a stage opened, and a drill run undisturbed, before that is given up: on a busy machine a server may be late once. */
const mostTries = 3

/**
 * Runs the cases in their order on some stages side by side. One drill of a runbook goes undisturbed before its cases; where it never
 * passes they are left out, for they would say nothing. After a case that broke or left something comes a new stage.
 * @returns false where a case broke or a runbook was left out  @throws what opening a stage threw the last time
 */
export async function runQueue<Stage> (cases: Case[], jobs: number, crew: Crew<Stage>): Promise<boolean> {
  let waiting = [...cases]
  const known = new Map<string, Undisturbed>()
  const failures = new Map<string, number>()
  /** Runbooks of which an undisturbed drill runs somewhere: their cases wait for it. */
  const measuring = new Map<string, Promise<void>>()
  let isWhole = true
  // One after the other: they share the machine's ports, and its patience.
  let opening: Promise<unknown> = Promise.resolve()
  const open = async (): Promise<Stage> => {
    const mine = opening.then(async () => await opened(crew))
    opening = mine.catch(() => {})
    return await mine
  }

  /** False: the stage must not be used again. */
  const measure = async (stage: Stage, runbook: string): Promise<boolean> => {
    crew.tell(`${runbook}, undisturbed`)
    try {
      known.set(runbook, await crew.undisturbed(stage, runbook))
      return true
    } catch (error) {
      crew.tell(messageOf(error))
      const tries = (failures.get(runbook) ?? 0) + 1
      failures.set(runbook, tries)
      if (tries === mostTries) {
        isWhole = false
        waiting = waiting.filter(one => one.runbook !== runbook)
        crew.tell(`${runbook} is left out: it did not pass undisturbed in ${mostTries} tries`)
      }
      return false
    }
  }
  const attempt = async (stage: Stage, one: Case): Promise<boolean> => {
    const from = Date.now()
    const outcome = await crew.run(stage, one, known.get(one.runbook)!)
    crew.done(one, outcome, Date.now() - from)
    if (outcome.result === 'broken') isWhole = false
    // Whatever it left must not be the next one's trouble.
    return outcome.result !== 'broken' && outcome.result !== 'left'
  }
  const next = async (stage: Stage, one: Case): Promise<boolean> => {
    if (known.has(one.runbook)) {
      waiting = waiting.filter(other => other !== one)
      return await attempt(stage, one)
    }
    const measured = measure(stage, one.runbook)
    measuring.set(one.runbook, measured.then(() => { measuring.delete(one.runbook) }))
    return await measured
  }
  const work = async (): Promise<void> => {
    let stage: Stage | undefined
    try {
      while (crew.goesOn() && waiting.length > 0) {
        stage ??= await open()
        const one = waiting.find(({ runbook }) => !measuring.has(runbook))
        if (one === undefined) {
          await Promise.race(measuring.values())
        } else if (!await next(stage, one)) {
          const last = stage
          stage = undefined
          await crew.close(last)
        }
      }
    } finally {
      if (stage !== undefined) await crew.close(stage)
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: jobs }, work))
  const failed = ends.find(end => end.status === 'rejected')
  if (failed) throw failed.reason
  return isWhole
}

/** A stage, in as many tries as it takes. @throws what the last of them threw */
export async function opened<Stage> ({ open, tell }: Pick<Crew<Stage>, 'open' | 'tell'>): Promise<Stage> {
  for (let tries = 1; ; tries++) {
    try {
      return await open()
    } catch (error) {
      if (tries === mostTries) throw error
      tell(`no stage yet: ${messageOf(error)}`)
    }
  }
}
