import { CancellationScope, isCancellation } from '@temporalio/workflow'
import type { Reverted } from '../src/drill/lease.js'
import type { activitiesIn } from './activities.js'
import type { Journal } from './journal.js'

/**
 * Keeps the drill's leases alive, from before its first leased fault until everything is undone. What the watchdog had to revert ends
 * the work of the drill: it measures nothing any more.
 */
export class Keeper {
  private readonly known: string[] = []
  private scope?: CancellationScope
  private ended?: Promise<void>

  constructor (
    private readonly drillId: string,
    private readonly journal: Journal,
    private readonly keep: ReturnType<typeof activitiesIn>['keep'],
    private readonly onReverted: () => void
  ) {}

  /** The watchdog reverted something. */
  get hasLost (): boolean { return this.known.length > 0 }

  start (): void {
    // Outside of every scope that an abort or a cancel reaches: what is being undone is still broken.
    this.ended ??= CancellationScope.nonCancellable(() => {
      this.scope = new CancellationScope()
      return this.scope.run(() => this.run())
    })
  }

  private async run (): Promise<void> {
    try {
      for (;;) for (const reverted of await this.keep({ drillId: this.drillId, known: this.known })) this.tell(reverted)
    } catch (error) {
      if (!isCancellation(error)) throw error
    }
  }

  /** Once for each step, whoever finds the record first. */
  tell ({ stepId, revertedAtMs, reason, summary }: Reverted): void {
    if (this.known.includes(stepId)) return
    this.known.push(stepId)
    this.journal.emit({ type: 'lease.reverted', step: stepId, revertedAtMs, reason, summary })
    this.onReverted()
  }

  async stop (): Promise<void> {
    this.scope?.cancel()
    await this.ended
  }
}
