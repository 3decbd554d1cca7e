import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DrillError } from '../errors.js'
import type { Lease, Reverted } from '../drill/lease.js'
import { isSame, readProc } from '../control/proc.js'

/**
 * The leases of one machine as files, between the worker, which holds them, and the watchdog, which reverts them. A lease is
 * `KEY.lease` while it is held; the watchdog renames it to `.reverting` and in the end to `.reverted`, the worker to `.released`. A step whose undo has begun has a file in `over`.
 * A rename is atomic, so that only one of them has it. Files outlive every process; nothing here needs Temporal or the store.
 */
export interface LeaseFolder {
  readonly dir: string
  /** Writes a lease, or renews it where an earlier try has. Throws `lease.lost` where the watchdog has reverted it, or is at it. */
  hold: (lease: Lease) => void
  /** Whether the watchdog has seen it. */
  isArmed: (drillId: string, stepId: string) => boolean
  /** Renews every lease of a drill, by the files' time: a lease that the watchdog has taken stays taken. */
  renew: (drillId: string) => void
  /** What became of one: `none` where this machine has never had it. */
  stateOf: (drillId: string, stepId: string) => LeaseState
  /** Its fault is undone, and proven so. */
  release: (drillId: string, stepId: string) => void
  revertsOf: (drillId: string) => Reverted[]
  /**
   * Says that this process acts on a drill's targets now, so that the watchdog waits; throws `lease.lost` where the watchdog is at
   * it. Each side says what it does before it looks at the other.
   */
  act: (drillId: string, what: string) => Acting
  /**
   * Says that this process does a step now. As `act`; and throws `step.over` where the step's undo has begun: a try that was slow for
   * so long that it was given up would break again what is whole.
   */
  actOn: (drillId: string, stepId: string) => Acting
  /** From now on nobody begins to do that step. @returns who is at it still, a process each */
  over: (drillId: string, stepId: string) => () => Array<{ pid: number }>
  /** What the watchdog is at now, of this drill, of its parent, or of a drill nested in it. */
  reverting: (drillId: string) => Lease | undefined
  watchdog: WatchdogSide
}

export interface Acting {
  /** Says that it moves still: who does not for a whole lease, while the watchdog waits for it, is ended. */
  move: () => void
  end: () => void
}

export type LeaseState = 'none' | 'held' | 'reverting' | 'reverted' | 'released'

/** What only the watchdog calls. */
export interface WatchdogSide {
  /** Held leases, with the time of their last renewal as a mark that changes. */
  held: () => Array<{ key: string, mark: number }>
  /** A held one; undefined where it has just been released or taken. */
  read: (key: string) => Lease | undefined
  arm: (key: string) => void
  /** Takes it from the worker; undefined where the worker has just released it. */
  take: (key: string) => Lease | undefined
  /** Taken ones: those that a watchdog before this one did not finish, too. */
  taken: () => Array<{ key: string, lease: Lease }>
  settle: (key: string, reverted: Reverted) => void
  /** Processes that act on the drill's targets now, or on those of any drill, with the time of their last move as a mark that changes. What dead ones have left is removed. */
  actors: (drillId?: string) => Array<{ key: string, mark: number, pid: number, startTime: number, what: string }>
  /** Removes what was settled longer ago than that, ms. */
  forget: (olderThanMs: number) => void
}

export function leaseFolder (dir: string): LeaseFolder {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  // Apart: the watchdog lists the others many times a second, and these stay for long.
  const overDir = join(dir, 'over')
  const path = (key: string, state: string): string => join(dir, `${key}.${state}`)
  const list = (ending: string): string[] => readdirSync(dir).filter(file => file.endsWith(ending)).map(file => file.slice(0, -ending.length))
  const read = <T>(key: string, state: string): T | undefined => {
    try {
      return JSON.parse(readFileSync(path(key, state), 'utf8')) as T
    } catch {
      // Renamed between the look and the reading.
      return undefined
    }
  }
  const write = (key: string, state: string, value: unknown): void => {
    writeFileSync(path(key, `${state}-new`), `${JSON.stringify(value)}\n`, { mode: 0o600 })
    renameSync(path(key, `${state}-new`), path(key, state))
  }
  const move = (key: string, from: string, to: string): boolean => {
    try {
      renameSync(path(key, from), path(key, to))
      return true
    } catch {
      return false
    }
  }
  const markOf = (key: string, state: string): number | undefined => statSync(path(key, state), { throwIfNoEntry: false })?.mtimeMs
  const stateOf = (drillId: string, stepId: string): LeaseState => {
    const key = keyOf(drillId, stepId)
    for (const [file, state] of [['lease', 'held'], ['reverting', 'reverting'], ['reverted', 'reverted'], ['released', 'released']] as const) {
      if (existsSync(path(key, file))) return state
    }
    return 'none'
  }
  const reverting = (drillId: string): Lease | undefined => {
    const key = list('.reverting').find(key => rootOf(key) === rootOf(drillId))
    return key === undefined ? undefined : read<Lease>(key, 'reverting')
  }
  const touch = (key: string, state: string): void => {
    const now = new Date()
    try {
      utimesSync(path(key, state), now, now)
    } catch {
      // Taken, or ended, in this moment.
    }
  }
  const actors = (drillId?: string): ReturnType<WatchdogSide['actors']> => list('.acting').flatMap(key => {
    const actor = read<{ pid: number, startTime: number, what: string }>(key, 'acting')
    const mark = markOf(key, 'acting')
    // It has just ended.
    if (actor === undefined || mark === undefined) return []
    if (isSame(actor)) return drillId === undefined || rootOf(key) === rootOf(drillId) ? [{ ...actor, key, mark }] : []
    rmSync(path(key, 'acting'), { force: true })
    return []
  })
  const act = (drillId: string, what: string): Acting => {
    const key = `${drillId}~~${process.pid}-${++acts}`
    write(key, 'acting', { pid: process.pid, startTime: readProc(process.pid)?.startTime ?? 0, what })
    const end = (): void => { rmSync(path(key, 'acting'), { force: true }) }
    if (reverting(drillId)) {
      end()
      throw lost(drillId, what)
    }
    return { end, move: () => { touch(key, 'acting') } }
  }
  const lost = (drillId: string, what: string): DrillError =>
    new DrillError('lease.lost', `the watchdog has taken over ${drillId}: ${what} would act against its undo`)

  return {
    dir,
    hold (lease) {
      const key = keyOf(lease.drillId, lease.stepId)
      const state = stateOf(lease.drillId, lease.stepId)
      if (state === 'reverting' || state === 'reverted') throw lost(lease.drillId, `step "${lease.stepId}"`)
      rmSync(path(key, 'armed'), { force: true })
      write(key, 'lease', lease)
    },
    isArmed: (drillId, stepId) => existsSync(path(keyOf(drillId, stepId), 'armed')),
    renew (drillId) {
      for (const key of list('.lease')) if (isOf(key, drillId)) touch(key, 'lease')
    },
    stateOf,
    release (drillId, stepId) {
      const key = keyOf(drillId, stepId)
      move(key, 'lease', 'released')
      rmSync(path(key, 'armed'), { force: true })
    },
    revertsOf: drillId => list('.reverted').filter(key => isOf(key, drillId)).flatMap(key => read<Reverted>(key, 'reverted') ?? []),
    act,
    actOn (drillId, stepId) {
      const acting = act(drillId, doing(stepId))
      if (!existsSync(join(overDir, keyOf(drillId, stepId)))) return acting
      acting.end()
      throw new DrillError('step.over', `step "${stepId}" of ${drillId} is being undone, or is: this try of it comes too late, and did nothing`)
    },
    over (drillId, stepId) {
      mkdirSync(overDir, { recursive: true, mode: 0o700 })
      closeSync(openSync(join(overDir, keyOf(drillId, stepId)), 'a', 0o600))
      return () => actors(drillId).filter(({ key, what }) => isOf(key, drillId) && what === doing(stepId))
    },
    reverting,
    watchdog: {
      held: () => list('.lease').flatMap(key => {
        const mark = markOf(key, 'lease')
        return mark === undefined ? [] : [{ key, mark }]
      }),
      read: key => read<Lease>(key, 'lease'),
      arm: key => { closeSync(openSync(path(key, 'armed'), 'a', 0o600)) },
      take: key => move(key, 'lease', 'reverting') ? read<Lease>(key, 'reverting') : undefined,
      taken: () => list('.reverting').flatMap(key => {
        const lease = read<Lease>(key, 'reverting')
        return lease === undefined ? [] : [{ key, lease }]
      }),
      settle (key, reverted) {
        write(key, 'reverted', reverted)
        rmSync(path(key, 'reverting'), { force: true })
        rmSync(path(key, 'armed'), { force: true })
      },
      actors,
      forget (olderThanMs) {
        const settled = readdirSync(dir).filter(file => /\.(reverted|released)$/.test(file)).map(file => join(dir, file))
        for (const file of [...settled, ...(existsSync(overDir) ? readdirSync(overDir) : []).map(name => join(overDir, name))]) {
          const at = statSync(file, { throwIfNoEntry: false })?.mtimeMs
          if (at !== undefined && Date.now() - at > olderThanMs) rmSync(file, { force: true })
        }
      },
    },
  }
}

let acts = 0

const doing = (stepId: string): string => `step "${stepId}"`

/** Ids of drills and steps hold letters, digits, `.`, `_` and `-` alone; `~` parts them. */
function keyOf (drillId: string, stepId: string): string {
  for (const id of [drillId, stepId]) if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(id)) throw new DrillError('internal', `"${id.slice(0, 80)}" cannot name a lease`)
  return `${drillId}~${stepId}`
}

/** A nested drill is called `PARENT.STEP`, and acts on what its parent acts on. */
function rootOf (keyOrId: string): string {
  return keyOrId.split('~')[0]!.split('.')[0]!
}

function isOf (key: string, drillId: string): boolean {
  return key.startsWith(`${drillId}~`)
}
