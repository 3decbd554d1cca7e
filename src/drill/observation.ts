import { durationText } from './duration.js'

/** What the probe of a drill measured, in totals: its edges are events of their own, its samples lie in the store. */
export interface Observation {
  startedAtMs: number
  endedAtMs: number
  /** The sampling interval: the error of every time that the probe found. */
  intervalMs: number
  targets: Array<{
    name: string
    samples: number
    failed: number
    /** Latency of the good ones, milliseconds. */
    p50Ms: number
    p99Ms: number
    maxMs: number
  }>
  canaries?: {
    issued: number
    acked: number
    refused: number
    unknown: number
    /** Ticks at which a writer was still busy with its last one, so that nothing was sent: counted, never made up for. */
    missed?: number
    /** First good write that was issued after the outage began, epoch ms. */
    firstAckAfterOutageMs?: number
    /** Longest time between two acks, milliseconds. */
    longestGapMs: number
  }
  /** Orders of the drill's customers; `orders.account` says what became of them. */
  orders?: {
    issued: number
    /** Answered 201. */
    placed: number
    refused: number
    /** No answer until the customer gave up: there or not. */
    unknown: number
    /** Sent again after no answer, or one that does not say whether it is placed. */
    resent: number
    /** Sessions that were gone, so that the customer had to log in again. */
    sessionsLost: number
  }
  /** When the probe itself was not able to look, e.g. its worker was stopped: epoch ms. */
  blind: Array<{ fromMs: number, toMs: number, reason: string }>
  /** By how much the worker's wall clock was set meanwhile, where it was; lengths are counted by its steady clock. */
  clockJumpMs?: number
}

/** Said as a finding: lengths are right, but what others stamp by that machine's clock is not. */
export function jumpText (clockJumpMs: number): string {
  return `the worker’s wall clock was set ${clockJumpMs > 0 ? 'forward' : 'back'} by ${durationText(Math.abs(clockJumpMs))} during the drill: lengths were counted by its steady clock and hold`
}

/** A signal of the probe to the drill. */
export type ProbeEdge =
  | { edge: 'ready' }
  | { edge: 'down', target: string, firstFailedAtMs: number, confirmedAtMs: number, error: string }
  | { edge: 'up', target: string, firstGoodAtMs: number, confirmedAtMs: number }

/** One sample, as the store keeps it. */
export interface ProbeSample { target: string, atMs: number, latencyMs: number, ok: boolean, error?: string }
