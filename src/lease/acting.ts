import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DrillError } from '../errors.js'
import { isSame, readProc } from '../control/proc.js'
import { markOf, readWhole, removeOlder, touch, writeWhole } from './files.js'
import { keyOf, rootOf } from './key.js'

/** What somebody does to a drill's targets. */
export interface Deed {
  drillId: string
  stepId: string
  /** It undoes the step. */
  undoes?: boolean
  /** Of the workflow that asked for it: what an earlier one of the drill asked for is nobody's any more. */
  runId: string
}

/** Who does it. */
export interface Actor extends Deed { key: string, pid: number, startTime: number, /** Of its last move: changes with each. */ mark: number }

export interface Acting {
  /** Says that it moves still: who does not for a whole lease, while the watchdog waits for it, is ended. */
  move: () => void
  end: () => void
  /**
   * Who would act against this undo, as long as they are at it: with its step, or for a workflow of the drill that is gone. Who comes
   * later finds this undo, and waits for it. Nobody where this is none.
   */
  against: () => Actor[]
}

/** Who acts on what on this machine, as files `DRILL~~PROCESS-N.acting`; and in the folder `over` a file for each step whose undo has begun. */
export interface Actors {
  /** Throws `step.over` for a step whose undo has begun; after that of an undo, nobody begins its step any more. */
  begin: (deed: Deed) => Acting
  /** On the drill's targets, on those of its parent or of one nested in it; or on any. What dead ones have left is removed. */
  list: (drillId?: string) => Actor[]
  /** Removes what was said of steps longer ago than that, ms. */
  forget: (olderThanMs: number) => void
}

export function deedText ({ stepId, undoes }: Pick<Deed, 'stepId' | 'undoes'>): string {
  return `${undoes ? 'undo of ' : ''}step "${stepId}"`
}

export function actorsIn (dir: string): Actors {
  // Apart: the watchdog lists the others many times a second, and these stay for long.
  const overDir = join(dir, 'over')
  const path = (key: string): string => join(dir, `${key}.acting`)
  const list = (drillId?: string): Actor[] => readdirSync(dir).filter(file => file.endsWith('.acting')).flatMap(file => {
    const key = file.slice(0, -'.acting'.length)
    if (drillId !== undefined && rootOf(key) !== rootOf(drillId)) return []
    const actor = readWhole<Omit<Actor, 'key' | 'mark'>>(path(key))
    const mark = markOf(path(key))
    // It has just ended.
    if (actor === undefined || mark === undefined) return []
    if (isSame(actor)) return [{ ...actor, key, mark }]
    rmSync(path(key), { force: true })
    return []
  })
  return {
    list,
    begin (deed) {
      const { drillId, stepId, undoes, runId } = deed
      const key = `${drillId}~~${process.pid}-${++begun}`
      const file = path(key)
      writeWhole(file, { ...deed, pid: process.pid, startTime: readProc(process.pid)?.startTime ?? 0 })
      const end = (): void => { rmSync(file, { force: true }) }
      const move = (): void => { touch(file) }
      if (undoes) {
        mkdirSync(overDir, { recursive: true, mode: 0o700 })
        closeSync(openSync(join(overDir, keyOf(drillId, stepId)), 'a', 0o600))
        const isAgainst = (other: Actor): boolean => other.key !== key && other.drillId === drillId && (other.stepId === stepId || other.runId !== runId)
        const before = new Set(list(drillId).filter(isAgainst).map(({ key }) => key))
        return { move, end, against: () => list(drillId).filter(({ key }) => before.has(key)) }
      }
      if (!existsSync(join(overDir, keyOf(drillId, stepId)))) return { move, end, against: () => [] }
      end()
      throw new DrillError('step.over', `step "${stepId}" of ${drillId} is being undone, or is: this try of it comes too late, and did nothing`)
    },
    forget (olderThanMs) {
      if (existsSync(overDir)) removeOlder(readdirSync(overDir).map(name => join(overDir, name)), olderThanMs)
    },
  }
}

let begun = 0
