import type { ProbeSample } from '../drill/observation.js'
import { mayProgress, type Progress } from '../drill/progress.js'
import { statusOf, type DrillStatus } from '../drill/status.js'
import type { DrillEvent } from '../drill/timeline.js'
import { readSamples } from '../store/samples.js'
import type { AppDeps } from './deps.js'
import { liveEvents } from './live-events.js'

/** What a drill looks like at one moment. */
export interface Scene {
  /** Counts up with each. */
  number: number
  events: DrillEvent[]
  status: DrillStatus
  samples: ProbeSample[]
  /** How far its steps are that take long. */
  progress: Progress[]
  nowMs: number
}

/** Drills that somebody looks at, each followed and folded once, however many look. */
export interface Board {
  /** The scenes of a drill as they change, the first at once, until its end or the signal; `undefined` where nothing changed for a while. */
  watch: (drillId: string, signal: AbortSignal) => AsyncGenerator<Scene | undefined>
}

export interface BoardOptions {
  /** Events that come this close together are one scene, ms. */
  gatherMs: number
  /** How often the probe's samples are looked at, and silence is told, ms. */
  lookMs: number
}

/** Points of the chart of a drill that runs: it is sent again and again. */
export const livePoints = 500

interface Show { viewers: number, scene?: Scene, failure?: unknown, over: boolean, wake: Set<() => void>, stop: () => void }

export function createBoard (deps: Pick<AppDeps, 'store' | 'temporal'>, options: BoardOptions = { gatherMs: 200, lookMs: 2000 }): Board {
  const shows = new Map<string, Show>()

  const begin = (drillId: string): Show => {
    const controller = new AbortController()
    const show: Show = { viewers: 0, over: false, wake: new Set(), stop: () => { controller.abort() } }
    shows.set(drillId, show)
    follow(drillId, show, controller.signal).catch((error: unknown) => { show.failure = error }).finally(() => {
      show.over = true
      if (shows.get(drillId) === show) shows.delete(drillId)
      wakeAll(show)
    })
    return show
  }

  const follow = async (drillId: string, show: Show, signal: AbortSignal): Promise<void> => {
    const events: DrillEvent[] = []
    let timer: NodeJS.Timeout | undefined
    const draw = async (): Promise<void> => {
      timer = undefined
      const status = statusOf(events)
      if (!status) return
      const [samples, progress] = await Promise.all([
        readSamples(deps.store.pool, drillId, { maxPoints: livePoints }).catch(() => show.scene?.samples ?? []),
        mayProgress(status) ? deps.temporal.progress(drillId).catch(() => show.scene?.progress ?? []) : [],
      ])
      if (signal.aborted) return
      show.scene = { number: (show.scene?.number ?? 0) + 1, events: [...events], status, samples, progress, nowMs: Date.now() }
      wakeAll(show)
    }
    const soon = (): void => { timer ??= setTimeout(() => { draw().catch(() => {}) }, options.gatherMs) }
    try {
      for await (const event of liveEvents(deps, drillId, 0, { signal, idleMs: options.lookMs })) {
        if (event) events.push(event)
        soon()
      }
    } finally {
      clearTimeout(timer)
    }
    await draw()
  }

  return {
    async * watch (drillId, signal) {
      const show = shows.get(drillId) ?? begin(drillId)
      show.viewers++
      try {
        for (let seen = 0; !signal.aborted;) {
          if (show.scene && show.scene.number > seen) {
            seen = show.scene.number
            yield show.scene
          } else if (show.over) {
            if (show.failure !== undefined) throw show.failure
            return
          } else if (!await changed(show, signal, options.lookMs * 4)) yield undefined
        }
      } finally {
        if (--show.viewers === 0) {
          show.stop()
          if (shows.get(drillId) === show) shows.delete(drillId)
        }
      }
    },
  }
}

function wakeAll (show: Show): void {
  for (const wake of [...show.wake]) wake()
}

/** Whether something changed before the time was over. */
async function changed (show: Show, signal: AbortSignal, ms: number): Promise<boolean> {
  return await new Promise(resolve => {
    const done = (answer: boolean) => (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', woken)
      show.wake.delete(woken)
      resolve(answer)
    }
    const woken = done(true)
    const timer = setTimeout(done(false), ms)
    show.wake.add(woken)
    signal.addEventListener('abort', woken)
  })
}
