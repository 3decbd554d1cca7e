import { CancellationScope, condition, sleep } from '@temporalio/workflow'
import { recoveryClock } from '../src/drill/clock.js'
import { foldStatus, withClock, type DrillStatus } from '../src/drill/status.js'
import type { DrillEvent, EventBody } from '../src/drill/timeline.js'
import { record } from './activities.js'

/** Keeps one payload well below Temporal's limits, whatever has gathered while the store was down. */
const eventsARecord = 200

/**
 * The timeline of a running drill. The workflow numbers the events and keeps them until they are recorded; one `record` activity
 * at a time carries what has gathered, so recording never costs a step a workflow task, and a store that is down delays the record
 * and never the drill.
 */
export class Journal {
  readonly events: DrillEvent[] = []
  /** The fold so far, one event at a time; without the clock. */
  current: DrillStatus | undefined
  private recorded = 0
  private closed = false
  private urgent = false
  private lastAtMs = 0
  private waking: Promise<void> | undefined

  /** @param before number of the last event that is on record already, of a drill that is taken up again */
  constructor (private readonly drillId: string, readonly everyMs: number, private readonly before = 0) {}

  emit (body: EventBody): DrillEvent {
    const event: DrillEvent = { seq: this.before + this.events.length + 1, atMs: Date.now(), ...body }
    // A signal may come when all is over but the record: an alert that resolves, a person's late word. The record ends with its end.
    if (this.closed) return event
    this.events.push(event)
    this.current = foldStatus(this.current, event)
    return event
  }

  /** Something waits for people or is over: what has gathered must be seen now. */
  hurry (): void {
    this.urgent = true
  }

  /** No event comes after this; `run` ends once everything is recorded. */
  close (): void {
    this.closed = true
  }

  get last (): number { return this.events.length }

  status (): DrillStatus | undefined {
    return this.current && withClock(this.current, recoveryClock(this.events))
  }

  after (seq: number): DrillEvent[] {
    return this.events.slice(Math.max(0, seq))
  }

  /** Waits until all that was emitted so far is on record. */
  async onRecord (): Promise<void> {
    const { last } = this
    await condition(() => this.recorded >= last)
  }

  /**
   * A while later, at most twice the pause between records; no cancel ends it sooner. All who wait so share one timer, and none is
   * cancelled: one for each wait, and its end, would cost every step that follows a person's word.
   */
  later (): Promise<void> {
    this.waking ??= CancellationScope.nonCancellable(async () => { await sleep(this.everyMs * 2, { summary: 'gather events' }) }).then(() => { this.waking = undefined })
    return this.waking
  }

  /** Runs beside the drill until it is closed and all is recorded. */
  async run (): Promise<void> {
    while (!this.closed || this.recorded < this.events.length) {
      await condition(() => this.closed || this.recorded < this.events.length)
      if (this.recorded === this.events.length) continue
      // While steps go on, the next one after the pause carries what has gathered; the timer is for a step that takes long.
      const due = (): boolean => this.closed || this.urgent || Date.now() >= this.lastAtMs + this.everyMs
      while (!due()) {
        const waking = this.later()
        await condition(() => due() || this.waking !== waking)
      }
      await settled()
      this.urgent = false
      this.lastAtMs = Date.now()
      const batch = this.events.slice(this.recorded, this.recorded + eventsARecord)
      await record({ drillId: this.drillId, events: batch })
      this.recorded += batch.length
    }
  }
}

/**
 * Waits until everything that woke up together with the caller has gone on to its own next wait. So one record carries all that came
 * of one message: a gate is not seen a round trip later than the outage that opened it.
 */
async function settled (): Promise<void> {
  // Conditions are asked again only after all that the last round of them woke has run.
  let asked = 0
  await condition(() => asked++ > 0)
}
