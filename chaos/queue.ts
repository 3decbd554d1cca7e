import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../src/errors.js'
import type { Case, Outcome, Undisturbed } from './case.js'

/** What the cases are run on, and by: a stage is whatever `open` gives. */
export interface Crew<Stage> {
  open: () => Promise<Stage>
  close: (stage: Stage) => Promise<void>
  /** Throws where the drill does not even pass when nothing happens to it. */
  undisturbed: (stage: Stage, one: Case) => Promise<Undisturbed>
  run: (stage: Stage, one: Case, undisturbed: Undisturbed) => Promise<Outcome>
  done: (one: Case, outcome: Outcome, tookMs: number) => void
  tell: (line: string) => void
  /** False: no further case is begun. */
  goesOn: () => boolean
}

/** So often is a stage opened, and a drill run undisturbed, before that is given up: on a busy machine a server may be late once. */
const tries = 3

/**
 * Runs the cases in their order on some stages side by side, each with a lab of its own. One drill of a runbook goes undisturbed before
 * its cases; where it never passes they are left out, for they would say nothing. After a case that broke or left something comes a new stage.
 * @returns whether every case that was begun could be, and every stage and runbook was whole
 */
export async function runQueue<Stage> (cases: Case[], jobs: number, crew: Crew<Stage>): Promise<boolean> {
  const waiting = [...cases]
  const known = new Map<string, Undisturbed>()
  const measuring = new Set<string>()
  const failures = new Map<string, number>()
  let whole = true
  // One after the other: they share the machine's ports, and its patience.
  let opening: Promise<unknown> = Promise.resolve()
  const open = async (): Promise<Stage> => {
    const mine = opening.then(async () => await opened(crew))
    opening = mine.catch(() => {})
    return await mine
  }

  const work = async (): Promise<void> => {
    let stage: Stage | undefined
    try {
      while (crew.goesOn() && waiting.length > 0) {
        const at = waiting.findIndex(({ runbook }) => !measuring.has(runbook))
        if (at === -1) {
          await delay(500)
          continue
        }
        const { runbook } = waiting[at]!
        const isFirst = !known.has(runbook)
        if (isFirst) measuring.add(runbook)
        const one = isFirst ? waiting[at]! : waiting.splice(at, 1)[0]!
        stage ??= await open()
        if (isFirst) {
          try {
            crew.tell(`${runbook}, undisturbed`)
            known.set(runbook, await crew.undisturbed(stage, one))
          } catch (error) {
            crew.tell(messageOf(error))
            const times = (failures.get(runbook) ?? 0) + 1
            failures.set(runbook, times)
            if (times === tries) {
              whole = false
              crew.tell(`${runbook} is left out: it did not pass undisturbed in ${tries} tries`)
              for (const lost of waiting.filter(one => one.runbook === runbook)) waiting.splice(waiting.indexOf(lost), 1)
            }
            const last = stage
            stage = undefined
            await crew.close(last)
          } finally {
            measuring.delete(runbook)
          }
          continue
        }
        const from = Date.now()
        const outcome = await crew.run(stage, one, known.get(runbook)!)
        crew.done(one, outcome, Date.now() - from)
        if (outcome.result === 'broken' || outcome.result === 'left') {
          whole &&= outcome.result !== 'broken'
          // Whatever it left must not be the next one's trouble.
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
  return whole
}

async function opened<Stage> ({ open, tell }: Crew<Stage>): Promise<Stage> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open()
    } catch (error) {
      if (attempt === tries) throw error
      tell(`no stage yet: ${messageOf(error)}`)
    }
  }
}
