import { closeSync, existsSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DrillError } from '../errors.js'
import type { Lease, Reverted } from '../drill/lease.js'
import { actorsIn, deedText, type Acting, type Actor, type Deed } from './acting.js'
import { markOf, readWhole, removeOlder, touch, writeWhole } from './files.js'
import { isOf, keyOf, rootOf } from './key.js'

/**
 * The leases of one machine as files, between the worker, which holds them, and the watchdog, which reverts them. A lease is
 * `KEY.lease` while it is held; the watchdog renames it to `.reverting` and in the end to `.reverted`, the worker to `.released`.
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
   * Says that this process acts on a drill's targets now, so that the watchdog waits; throws `lease.lost` where the watchdog is at it, and
   * `step.over` where the step's undo has begun: a try that was slow for so long that it was given up would break again what is whole.
   * Each side says what it does before it looks at the other.
   */
  act: (deed: Deed) => Acting
  /** What the watchdog is at now, of this drill, of its parent, or of a drill nested in it. */
  reverting: (drillId: string) => Lease | undefined
  watchdog: WatchdogSide
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
  /** Who acts on the drill's targets now, or on those of any drill. */
  actors: (drillId?: string) => Actor[]
  /** Removes what was settled longer ago than that, ms. */
  forget: (olderThanMs: number) => void
}

export function leaseFolder (dir: string): LeaseFolder {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const actors = actorsIn(dir)
  const path = (key: string, state: string): string => join(dir, `${key}.${state}`)
  const list = (ending: string): string[] => readdirSync(dir).filter(file => file.endsWith(ending)).map(file => file.slice(0, -ending.length))
  const read = (key: string, state: 'lease' | 'reverting'): Lease | undefined => readWhole<Lease>(path(key, state))
  const move = (key: string, from: string, to: string): boolean => {
    try {
      renameSync(path(key, from), path(key, to))
      return true
    } catch {
      return false
    }
  }
  const stateOf = (drillId: string, stepId: string): LeaseState => {
    const key = keyOf(drillId, stepId)
    for (const [file, state] of [['lease', 'held'], ['reverting', 'reverting'], ['reverted', 'reverted'], ['released', 'released']] as const) {
      if (existsSync(path(key, file))) return state
    }
    return 'none'
  }
  const reverting = (drillId: string): Lease | undefined => {
    const key = list('.reverting').find(key => rootOf(key) === rootOf(drillId))
    return key === undefined ? undefined : read(key, 'reverting')
  }
  const lost = (drillId: string, what: string): DrillError =>
    new DrillError('lease.lost', `the watchdog has taken over ${drillId}: ${what} would act against its undo`)

  return {
    dir,
    hold (lease) {
      const key = keyOf(lease.drillId, lease.stepId)
      const state = stateOf(lease.drillId, lease.stepId)
      if (state === 'reverting' || state === 'reverted') throw lost(lease.drillId, deedText(lease))
      rmSync(path(key, 'armed'), { force: true })
      writeWhole(path(key, 'lease'), lease)
    },
    isArmed: (drillId, stepId) => existsSync(path(keyOf(drillId, stepId), 'armed')),
    renew (drillId) {
      for (const key of list('.lease')) if (isOf(key, drillId)) touch(path(key, 'lease'))
    },
    stateOf,
    release (drillId, stepId) {
      const key = keyOf(drillId, stepId)
      move(key, 'lease', 'released')
      rmSync(path(key, 'armed'), { force: true })
    },
    revertsOf: drillId => list('.reverted').filter(key => isOf(key, drillId)).flatMap(key => readWhole<Reverted>(path(key, 'reverted')) ?? []),
    act (deed) {
      const acting = actors.begin(deed)
      if (!reverting(deed.drillId)) return acting
      acting.end()
      throw lost(deed.drillId, deedText(deed))
    },
    reverting,
    watchdog: {
      held: () => list('.lease').flatMap(key => {
        const mark = markOf(path(key, 'lease'))
        return mark === undefined ? [] : [{ key, mark }]
      }),
      read: key => read(key, 'lease'),
      arm: key => { closeSync(openSync(path(key, 'armed'), 'a', 0o600)) },
      take: key => move(key, 'lease', 'reverting') ? read(key, 'reverting') : undefined,
      taken: () => list('.reverting').flatMap(key => {
        const lease = read(key, 'reverting')
        return lease === undefined ? [] : [{ key, lease }]
      }),
      settle (key, reverted) {
        writeWhole(path(key, 'reverted'), reverted)
        rmSync(path(key, 'reverting'), { force: true })
        rmSync(path(key, 'armed'), { force: true })
      },
      actors: actors.list,
      forget (olderThanMs) {
        removeOlder(readdirSync(dir).filter(file => /\.(reverted|released)$/.test(file)).map(file => join(dir, file)), olderThanMs)
        actors.forget(olderThanMs)
      },
    },
  }
}
