import { CancellationScope, setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow'
import type { Admission, DrillInput } from '../src/drill/input.js'
import type { LedgerEntry } from '../src/drill/ledger.js'
import type { StepOutcome, Phase } from '../src/drill/timeline.js'
import { activitiesIn } from './activities.js'
import { GateBook } from './gates.js'
import { Journal } from './journal.js'
import { Keeper } from './keeper.js'
import { Loads } from './load.js'
import { Observer } from './observer.js'
import { detailsOf } from './progress.js'
import { searchAttributes } from './search-attributes.js'

/** What a step's handler answers. Control flow is by result, not by exception: only a cancellation is thrown. */
export interface StepResult {
  outcome: StepOutcome
  /** One line with figures. */
  summary: string
  output?: Record<string, unknown>
  error?: { code: string, message: string }
  /** No further step runs; the ledger is unwound. */
  stop?: boolean
  attempts?: number
  /** It goes on while later steps run, and says itself when it is over. */
  isHeld?: true
}

/** Everything that one drill holds while it runs: what its steps and its message handlers share. */
export class Run {
  readonly journal: Journal
  readonly gates: GateBook
  readonly observer: Observer
  readonly keeper: Keeper
  readonly loads = new Loads(this)
  readonly activities: ReturnType<typeof activitiesIn>
  readonly ledger: LedgerEntry[] = []
  /** Cancelled by an abort; the unwinding runs outside of it. */
  readonly work = new CancellationScope()
  /** Outputs of finished steps, for `{{ steps.ID.output.x }}`. */
  readonly outputs: Record<string, { output: unknown }> = {}
  /** Drill ids of nested drills that run now: alerts and declarations are passed on. */
  readonly nested = new Set<string>()
  /** Set once preflight is over. */
  admission?: Admission
  aborted = false
  /** What runs beside the steps came to an end that ends the drill. */
  isStopped = false
  phase: Phase = 'admission'
  private drawing: Promise<void> | undefined

  constructor (readonly input: DrillInput) {
    this.journal = new Journal(input.drillId, input.recordEveryMs ?? 500)
    const { name, tier, breakGlass = false } = input.environment
    this.gates = new GateBook(input.commander.id, { breakGlass, place: { name, tier } })
    this.activities = activitiesIn(input.environment.taskQueue)
    this.observer = new Observer(input, this.journal, this.activities.observe)
    this.keeper = new Keeper(input.drillId, this.journal, this.activities.keep, () => { this.work.cancel() })
  }

  enter (phase: Phase): void {
    if (phase === this.phase) return
    this.phase = phase
    this.journal.emit({ type: 'phase.changed', phase })
    if (phase === 'running') this.indexSoon()
    else this.index()
    if (phase === 'waiting') this.journal.hurry()
    this.draw()
  }

  /** The phase as Temporal's list shows it. */
  private index (): void {
    upsertSearchAttributes([
      { key: searchAttributes.phase, value: this.phase },
      { key: searchAttributes.waitingFor, value: this.phase === 'waiting' ? this.gates.openNames().join(', ').slice(0, 250) : null },
    ])
  }

  /** What goes on again is said a moment later: the server's entry would cost the step that follows. Every other phase says itself at once. */
  private indexSoon (): void {
    this.journal.later().then(() => {
      if (this.phase === 'running' && workflowInfo().typedSearchAttributes.get(searchAttributes.phase) !== 'running') this.index()
    }).catch(() => undefined)
  }

  /** A step is over, and what it gave is there for later ones. */
  finish (step: string, { outcome, summary, attempts, output, error }: StepResult): void {
    if (output) this.outputs[step] = { output }
    this.journal.emit({ type: 'step.finished', step, outcome, summary, attempts, output, error })
  }

  /** The runbook as a list, in Temporal's UI. */
  draw (): void {
    const { current } = this.journal
    if (current) setCurrentDetails(detailsOf(current))
  }

  /** The same in a moment: a list of a hundred steps is not made anew for each of them. */
  drawSoon (): void {
    this.drawing ??= this.journal.later().then(() => {
      this.drawing = undefined
      this.draw()
    })
  }
}
