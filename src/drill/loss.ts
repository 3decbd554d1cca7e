/**
 * The account of canaries after a recovery. A canary is one write through the application's door, recorded outside the database
 * under drill. `acked`: the driver returned success without a warning. `unknown`: its connection died with the answer outstanding
 * (or the ack carried the warning of a cancelled synchronous wait): it may be there or not.
 */
export interface Loss {
  issued: number
  acked: number
  /** Acked and there afterwards. */
  survived: number
  /** Acked and not there. */
  lost: number
  refused: number
  unknown: number
  unknownPresent: number
  /** There more than once. */
  doubled: number
  /** There, and issued by nobody. */
  alien: number
  /** RPA as a time: fault time minus commit time of the last canary that survived, 0 where nothing was lost. Milliseconds. */
  rpaMs: number
  /** Ack of the last lost one minus issue of the first lost one, milliseconds. */
  lostSpanMs: number
  /** WAL bytes between the switch and the last lost canary. */
  lostBytes: number
  /** Where the new PG timeline left the old one (last line of the .history file). */
  switchLsn?: string
  witness: Witness
}

/** The second witness: the failed node's own WAL. Every lost canary must have committed at or after the switch, every survivor before. */
export interface Witness {
  outcome: 'agrees' | 'disagrees' | 'blind'
  detail: string
  commitsAfterSwitch?: number
}
