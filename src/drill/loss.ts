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

/** One canary as the journal has it, outside the database under drill. */
export interface WrittenCanary {
  /** Which attempt of the observation wrote it. */
  run: number
  writer: number
  seq: number
  issuedAtMs: number
  /** `unknown` also for one whose outcome was never written down, since its worker died. */
  outcome: 'acked' | 'refused' | 'unknown'
  settledAtMs?: number
  /** Of an acked one: its transaction, decimal, with epoch (xid8). */
  xid?: string
  /** Of an acked one: the WAL position after its insert; its commit record starts there or later. */
  lsn?: string
  error?: string
}

/** One row of the canary table, as it stands on the promoted node. */
export interface FoundCanary {
  run: number
  writer: number
  seq: number
  xid: string
  /** WAL position just before its insert: before the switch for a row of the old PG timeline, at or after it for one of the new. */
  lsn: string
  /** Absent where the server keeps no commit times. */
  committedAtMs?: number
}

/** What the failed node's own WAL holds at or after the switch: its commits, or why that could not be read. */
export type WalEvidence = { commits: Array<{ xid: string, lsn: string }> } | OwnWord | { unreadable: string }

/** Where a node came back itself and nobody was promoted: which of the canaries' transactions its own commit log says are committed. */
export interface OwnWord { committed: string[] }

export interface LossEvidence {
  written: WrittenCanary[]
  found: FoundCanary[]
  /** Without it the last lost ack stands in: until then writes were taken that are gone. */
  faultAtMs?: number
  switchLsn?: string
  wal: WalEvidence
}

/**
 * Classifies every canary. Counts are of canaries, not of rows. A row that belongs to a refused canary is alien: the journal says
 * that it cannot be there, so the account is not to be trusted.
 */
export function accountFor (evidence: LossEvidence): Loss {
  const rows = new Map<string, FoundCanary[]>()
  for (const row of evidence.found) {
    const same = rows.get(canaryKey(row))
    if (same) same.push(row)
    else rows.set(canaryKey(row), [row])
  }
  const acked = evidence.written.filter(canary => canary.outcome === 'acked')
  const lost = acked.filter(canary => !rows.has(canaryKey(canary)))
  const refused = evidence.written.filter(canary => canary.outcome === 'refused')
  const unknown = evidence.written.filter(canary => canary.outcome === 'unknown')
  const explained = new Set([...acked, ...unknown].map(canaryKey))
  const survivors = acked.flatMap(canary => rows.get(canaryKey(canary))?.slice(0, 1) ?? [])
  const old = evidence.switchLsn === undefined ? survivors : survivors.filter(row => lsnBytes(row.lsn) < lsnBytes(evidence.switchLsn!))
  return {
    issued: evidence.written.length,
    acked: acked.length,
    survived: acked.length - lost.length,
    lost: lost.length,
    refused: refused.length,
    unknown: unknown.length,
    unknownPresent: unknown.filter(canary => rows.has(canaryKey(canary))).length,
    doubled: [...rows].filter(([key, same]) => explained.has(key) && same.length > 1).length,
    alien: [...rows.keys()].filter(key => !explained.has(key)).length,
    rpaMs: lost.length === 0 ? 0 : recoveryPoint(evidence, lost, old),
    lostSpanMs: lost.length === 0 ? 0 : Math.max(0, maximum(lost.map(ackedAt)) - minimum(lost.map(canary => canary.issuedAtMs))),
    lostBytes: evidence.switchLsn === undefined ? 0 : bytesAfter(evidence.switchLsn, lost),
    switchLsn: evidence.switchLsn,
    witness: hearWitness(evidence, lost, old),
  }
}

function recoveryPoint (evidence: LossEvidence, lost: WrittenCanary[], survivors: FoundCanary[]): number {
  const faultAtMs = evidence.faultAtMs ?? maximum(lost.map(ackedAt))
  const journal = new Map(evidence.written.map(canary => [canaryKey(canary), canary]))
  const commits = survivors.map(row => row.committedAtMs ?? ackedAt(journal.get(canaryKey(row))!))
  // Where none survived, everything since the first one is gone.
  const lastSurvivor = commits.length > 0 ? maximum(commits) : minimum(evidence.written.map(canary => canary.issuedAtMs))
  return Math.max(0, faultAtMs - lastSurvivor)
}

/**
 * Asks the failed node's WAL. Only rows of the old PG timeline can contradict it: the new one hands out the transaction numbers
 * of the lost ones again.
 */
function hearWitness (evidence: LossEvidence, lost: WrittenCanary[], survivors: FoundCanary[]): Witness {
  const { wal, switchLsn } = evidence
  if ('unreadable' in wal) return { outcome: 'blind', detail: wal.unreadable }
  if ('committed' in wal) return hearCommitLog(wal, evidence, lost)
  if (switchLsn === undefined) return { outcome: 'blind', detail: 'the position of the switch is not known' }
  const commits = new Map(wal.commits.filter(commit => lsnBytes(commit.lsn) >= lsnBytes(switchLsn)).map(commit => [shortXid(commit.xid), commit.lsn]))
  const unproven = lost.filter(canary => {
    const lsn = canary.xid === undefined ? undefined : commits.get(shortXid(canary.xid))
    return lsn === undefined || (canary.lsn !== undefined && lsnBytes(lsn) < lsnBytes(canary.lsn))
  })
  const impossible = survivors.filter(row => commits.has(shortXid(row.xid)))
  const objections = [
    unproven.length === 0 ? [] : `${unproven.length} lost canaries have no commit at or after ${switchLsn} on the failed node (first: ${canaryKey(unproven[0]!)})`,
    impossible.length === 0 ? [] : `${impossible.length} surviving canaries committed at or after ${switchLsn} on the failed node (first: ${canaryKey(impossible[0]!)})`,
  ].flat()
  if (objections.length > 0) return { outcome: 'disagrees', detail: objections.join('; '), commitsAfterSwitch: commits.size }
  return {
    outcome: 'agrees',
    detail: `the failed node committed ${commits.size} transactions at or after ${switchLsn}: all ${lost.length} lost canaries and no survivor among them`,
    commitsAfterSwitch: commits.size,
  }
}

/** The table and the commit log of one node are two records of the same writes. */
function hearCommitLog ({ committed }: OwnWord, { written, found }: LossEvidence, lost: WrittenCanary[]): Witness {
  const known = new Set(committed)
  const rows = new Set(found.map(canaryKey))
  const survivors = written.filter(canary => canary.outcome === 'acked' && canary.xid !== undefined && rows.has(canaryKey(canary)))
  const gone = lost.filter(canary => canary.xid !== undefined && known.has(canary.xid))
  const unknown = survivors.filter(canary => !known.has(canary.xid!))
  const objections = [
    gone.length === 0 ? [] : `${gone.length} lost canaries are committed by the commit log (first: ${canaryKey(gone[0]!)})`,
    unknown.length === 0 ? [] : `${unknown.length} surviving canaries are not (first: ${canaryKey(unknown[0]!)})`,
  ].flat()
  return objections.length > 0
    ? { outcome: 'disagrees', detail: objections.join('; ') }
    : { outcome: 'agrees', detail: `the commit log knows the ${survivors.length} that survived${lost.length > 0 ? ` and none of the ${lost.length} that are lost` : ''}` }
}

/**
 * Whether more was lost than the objective allows (`rpoMs`, 0 = no acknowledged write). A loss may lie so close to the fault that its
 * time rounds to nothing: where none is allowed, the count decides.
 */
export function isBeyond (loss: Pick<Loss, 'lost' | 'rpaMs'>, rpoMs: number): boolean {
  return loss.lost > 0 && (rpoMs === 0 || loss.rpaMs > rpoMs)
}

/** `run.writer.seq`: what one canary is known by. */
export function canaryKey (canary: { run: number, writer: number, seq: number }): string {
  return `${canary.run}.${canary.writer}.${canary.seq}`
}

/** A WAL position (`0/4212D8C0`) as bytes since the beginning. */
export function lsnBytes (lsn: string): number {
  const [high, low] = lsn.split('/')
  return parseInt(high!, 16) * 2 ** 32 + parseInt(low!, 16)
}

/** WAL records hold the low 32 bits of a transaction number, SQL gives all 64. */
function shortXid (xid: string): bigint {
  return BigInt(xid) % 2n ** 32n
}

function bytesAfter (switchLsn: string, lost: WrittenCanary[]): number {
  const ends = lost.flatMap(canary => canary.lsn === undefined ? [] : lsnBytes(canary.lsn))
  return ends.length === 0 ? 0 : Math.max(0, maximum(ends) - lsnBytes(switchLsn))
}

function ackedAt (canary: WrittenCanary): number {
  return canary.settledAtMs ?? canary.issuedAtMs
}

// Not Math.max(...values): its arguments lie on the stack, and a long drill has too many canaries for that.
function maximum (values: number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity)
}

function minimum (values: number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity)
}
