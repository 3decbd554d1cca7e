import { CancellationScope, condition } from '@temporalio/workflow'
import { durationMs } from '../src/drill/duration.js'
import type { DrillInput } from '../src/drill/input.js'
import type { ProbeEdge } from '../src/drill/observation.js'
import type { activitiesIn } from './activities.js'
import type { Journal } from './journal.js'

/** The probe of a drill, from before the first step to after the last: only its edges and totals enter the history. */
export class Observer {
  private readonly down = new Set<string>()
  private ready = false
  private lost?: string
  private scope?: CancellationScope
  private ended?: Promise<void>

  constructor (private readonly input: DrillInput, private readonly journal: Journal, private readonly observe: ReturnType<typeof activitiesIn>['observe']) {}

  /** Starts it and waits for its first good look at every target. An error text where it cannot see. */
  async start (): Promise<string | undefined> {
    const { observe } = this.input.runbook
    if (!observe) return undefined
    // Outside of every scope that an abort or a cancel reaches: it watches the unwinding too.
    this.ended = CancellationScope.nonCancellable(() => {
      this.scope = new CancellationScope()
      return this.scope.run(() => this.observe({ drillId: this.input.drillId, observe, environment: this.input.environment.name }))
    }).then(
      observation => { this.journal.emit({ type: 'probe.ended', observation }) },
      error => {
        this.lost = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
        this.journal.emit({ type: 'probe.lost', message: this.lost })
      }
    )
    const seen = await condition(() => this.ready || this.lost !== undefined, '30s')
    if (this.lost !== undefined) return this.lost
    return seen ? undefined : 'the probe saw no good answer of every target within 30 s'
  }

  /** A signal of the activity. */
  edge (edge: ProbeEdge): void {
    if (edge.edge === 'ready') {
      this.ready = true
    } else if (edge.edge === 'down') {
      this.down.add(edge.target)
      this.journal.emit({ type: 'probe.down', target: edge.target, firstFailedAtMs: edge.firstFailedAtMs, confirmedAtMs: edge.confirmedAtMs, error: edge.error })
    } else {
      this.down.delete(edge.target)
      this.journal.emit({ type: 'probe.up', target: edge.target, firstGoodAtMs: edge.firstGoodAtMs, confirmedAtMs: edge.confirmedAtMs })
    }
  }

  get allGood (): boolean { return this.down.size === 0 }
  get isLost (): boolean { return this.lost !== undefined }

  /** Ends it; its totals are an event afterwards. A recovery that is there already takes its good answers in a row to be seen: so long it still looks. */
  async stop (): Promise<void> {
    if (!this.scope) return
    const { interval, timeout, successes } = this.input.runbook.observe!.probe
    await condition(() => this.allGood || this.isLost, successes * (durationMs(interval) + durationMs(timeout)), { summary: 'the probe sees a recovery' })
    this.scope.cancel()
    await this.ended
  }
}
