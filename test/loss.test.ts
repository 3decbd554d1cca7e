import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { accountFor, lsnBytes, type FoundCanary, type LossEvidence, type WrittenCanary } from '../src/drill/loss.js'

const lsn = (bytes: number): string => `0/${bytes.toString(16).toUpperCase()}`

function written (seq: number, outcome: WrittenCanary['outcome'] = 'acked', more: Partial<WrittenCanary> = {}): WrittenCanary {
  return { run: 1, writer: 0, seq, issuedAtMs: 1000 + seq * 10, outcome, settledAtMs: 1002 + seq * 10, xid: String(100 + seq), lsn: lsn(0x1000 + seq * 16), ...more }
}

function found (seq: number, more: Partial<FoundCanary> = {}): FoundCanary {
  return { run: 1, writer: 0, seq, xid: String(100 + seq), lsn: lsn(0x1000 + seq * 16 - 8), committedAtMs: 1001 + seq * 10, ...more }
}

const commit = (seq: number) => ({ xid: String(100 + seq), lsn: lsn(0x1000 + seq * 16 + 4) })

/** Ten acked canaries of which the last three lie behind the switch and are gone. */
function failover (): LossEvidence {
  const seqs = Array.from({ length: 10 }, (_, seq) => seq)
  return {
    written: seqs.map(seq => written(seq)),
    found: seqs.slice(0, 7).map(seq => found(seq)),
    faultAtMs: 1100,
    switchLsn: lsn(0x1000 + 6 * 16 + 8),
    wal: { commits: seqs.slice(7).map(commit) },
  }
}

describe('the account of canaries', () => {
  it('hears the commit log where the node came back itself: it must know all that survived and nothing that is lost', () => {
    const seqs = [0, 1, 2, 3]
    const witness = (there: number[], committed: number[]) => accountFor({
      written: seqs.map(seq => written(seq)),
      found: there.map(seq => found(seq)),
      wal: { committed: committed.map(seq => String(100 + seq)) },
    }).witness
    assert.deepEqual(witness(seqs, seqs), { outcome: 'agrees', detail: 'the commit log knows the 4 that survived' })
    assert.deepEqual(witness([0, 1, 2], [0, 1, 2]), { outcome: 'agrees', detail: 'the commit log knows the 3 that survived and none of the 1 that are lost' })
    assert.match(witness([0, 1, 2], seqs).detail, /^1 lost canaries are committed by the commit log/)
    assert.match(witness(seqs, [0, 1, 2]).detail, /^1 surviving canaries are not/)
    for (const disagreeing of [witness([0, 1, 2], seqs), witness(seqs, [0, 1, 2])]) assert.equal(disagreeing.outcome, 'disagrees')
  })

  it('counts what survived and what is lost, and gives the RPA as a time', () => {
    const loss = accountFor(failover())
    assert.equal(loss.acked, 10)
    assert.equal(loss.survived, 7)
    assert.equal(loss.lost, 3)
    assert.equal(loss.rpaMs, 1100 - 1061)
    assert.equal(loss.lostSpanMs, 1092 - 1070)
    assert.equal(loss.lostBytes, 9 * 16 - 6 * 16 - 8)
    assert.equal(loss.witness.outcome, 'agrees')
    assert.equal(loss.witness.commitsAfterSwitch, 3)
  })

  it('takes the last lost ack for the fault where nobody says when it was', () => {
    assert.equal(accountFor({ ...failover(), faultAtMs: undefined }).rpaMs, 1092 - 1061)
  })

  it('counts from the first canary where none survived', () => {
    const loss = accountFor({ ...failover(), found: [] })
    assert.equal(loss.lost, 10)
    assert.equal(loss.rpaMs, 100)
  })

  it('is zero in time where nothing was lost', () => {
    const loss = accountFor({ written: [written(0)], found: [found(0)], faultAtMs: 99_999, switchLsn: lsn(0x2000), wal: { commits: [] } })
    assert.deepEqual([loss.lost, loss.rpaMs, loss.lostSpanMs, loss.lostBytes], [0, 0, 0, 0])
    assert.equal(loss.witness.outcome, 'agrees')
  })

  it('does not call an unknown one lost, and says whether it is there', () => {
    const loss = accountFor({ written: [written(0, 'unknown'), written(1, 'unknown')], found: [found(1)], wal: { unreadable: 'x' } })
    assert.deepEqual([loss.lost, loss.unknown, loss.unknownPresent], [0, 2, 1])
  })

  it('counts a row that is there twice once as survived and once as doubled', () => {
    const loss = accountFor({ written: [written(0)], found: [found(0), found(0)], wal: { unreadable: 'x' } })
    assert.deepEqual([loss.survived, loss.doubled, loss.alien], [1, 1, 0])
  })

  it('calls a row alien that nobody issued, and one that was refused', () => {
    const loss = accountFor({ written: [written(0, 'refused')], found: [found(0), found(1), found(0, { run: 2 })], wal: { unreadable: 'x' } })
    assert.equal(loss.alien, 3)
  })
})

describe('the second witness', () => {
  it('disagrees when a lost canary has no commit after the switch', () => {
    const evidence = failover()
    const witness = accountFor({ ...evidence, wal: { commits: [commit(7), commit(8)] } }).witness
    assert.equal(witness.outcome, 'disagrees')
    assert.match(witness.detail, /1 lost canaries .*1\.0\.9/)
  })

  it('disagrees when a survivor committed after the switch', () => {
    const evidence = failover()
    const witness = accountFor({ ...evidence, wal: { commits: [7, 8, 9, 6].map(seq => ({ xid: String(100 + seq), lsn: lsn(0x2000 + seq) })) } }).witness
    assert.equal(witness.outcome, 'disagrees')
    assert.match(witness.detail, /1 surviving/)
  })

  it('disagrees when the commit of a lost canary lies before its own insert', () => {
    const evidence = failover()
    const wrong = { xid: '109', lsn: lsn(0x1000 + 7 * 16) }
    assert.equal(accountFor({ ...evidence, wal: { commits: [commit(7), commit(8), wrong] } }).witness.outcome, 'disagrees')
  })

  it('is not misled by the new PG timeline handing out the lost ones’ transaction numbers again', () => {
    const evidence = failover()
    evidence.written.push(written(20, 'acked', { xid: '107', lsn: lsn(0x5000) }))
    evidence.found.push(found(20, { xid: '107', lsn: lsn(0x5000) }))
    assert.equal(accountFor(evidence).witness.outcome, 'agrees')
    // … nor does a write after the recovery count as the last survivor.
    assert.equal(accountFor(evidence).rpaMs, 1100 - 1061)
  })

  it('knows transactions beyond the first epoch by the 32 bits that the WAL holds', () => {
    const wide = String(2n ** 32n * 3n + 107n)
    const evidence: LossEvidence = { written: [written(7, 'acked', { xid: wide })], found: [], switchLsn: lsn(0x1000), wal: { commits: [commit(7)] } }
    assert.equal(accountFor(evidence).witness.outcome, 'agrees')
  })

  it('is blind, and never agrees, when the WAL or the switch is not known', () => {
    assert.deepEqual(accountFor({ ...failover(), wal: { unreadable: 'rejoined' } }).witness, { outcome: 'blind', detail: 'rejoined' })
    assert.equal(accountFor({ ...failover(), switchLsn: undefined }).witness.outcome, 'blind')
  })
})

describe('for any history', () => {
  const outcome = fc.constantFrom('acked' as const, 'refused' as const, 'unknown' as const)
  const history = fc.array(fc.record({ outcome, copies: fc.integer({ min: 0, max: 3 }) }), { maxLength: 60 })
  const strangers = fc.array(fc.integer({ min: 1000, max: 1020 }), { maxLength: 5 })

  it('every canary is in exactly one class, and every row is explained or alien', () => {
    fc.assert(fc.property(history, strangers, (canaries, aliens) => {
      const evidence: LossEvidence = {
        written: canaries.map(({ outcome }, seq) => written(seq, outcome)),
        found: [...canaries.flatMap(({ copies }, seq) => Array.from({ length: copies }, () => found(seq))), ...aliens.map(seq => found(seq))],
        wal: { unreadable: 'not asked' },
      }
      const loss = accountFor(evidence)
      const of = (wanted: string, present?: boolean) => canaries.filter(canary => canary.outcome === wanted && (present === undefined || (canary.copies > 0) === present)).length
      assert.equal(loss.issued, loss.acked + loss.refused + loss.unknown)
      assert.equal(loss.acked, loss.survived + loss.lost)
      assert.equal(loss.lost, of('acked', false))
      assert.equal(loss.unknownPresent, of('unknown', true))
      assert.equal(loss.doubled, canaries.filter(canary => canary.outcome !== 'refused' && canary.copies > 1).length)
      assert.equal(loss.alien, of('refused', true) + new Set(aliens).size)
      if (loss.lost === 0) assert.equal(loss.rpaMs + loss.lostSpanMs, 0)
      assert.ok(loss.rpaMs >= 0 && loss.lostSpanMs >= 0, `${loss.rpaMs}, ${loss.lostSpanMs}`)
      assert.notEqual(loss.witness.outcome, 'agrees')
    }))
  })

  it('a clean cut at any position agrees, and moving one commit over the cut never does', () => {
    fc.assert(fc.property(fc.integer({ min: 2, max: 40 }), fc.nat(), (count, at) => {
      const cut = 1 + at % (count - 1)
      const seqs = Array.from({ length: count }, (_, seq) => seq)
      const evidence: LossEvidence = {
        written: seqs.map(seq => written(seq)),
        found: seqs.slice(0, cut).map(seq => found(seq)),
        switchLsn: lsn(0x1000 + cut * 16 - 8),
        wal: { commits: seqs.slice(cut).map(commit) },
      }
      const loss = accountFor(evidence)
      assert.equal(loss.lost, count - cut)
      assert.equal(loss.witness.outcome, 'agrees')
      assert.equal(accountFor({ ...evidence, wal: { commits: seqs.slice(cut + 1).map(commit) } }).witness.outcome, 'disagrees')
      const survivor = { xid: String(100 + cut - 1), lsn: evidence.switchLsn! }
      assert.equal(accountFor({ ...evidence, wal: { commits: [...seqs.slice(cut).map(commit), survivor] } }).witness.outcome, 'disagrees')
    }))
  })

  it('the order of rows and lines changes nothing', () => {
    fc.assert(fc.property(fc.shuffledSubarray(Array.from({ length: 10 }, (_, seq) => seq), { minLength: 10 }), order => {
      const evidence = failover()
      assert.deepEqual(accountFor({ ...evidence, written: order.map(seq => evidence.written[seq]!), found: evidence.found.toReversed() }), accountFor(evidence))
    }))
  })
})

it('a WAL position is 64 bits in two halves', () => {
  assert.equal(lsnBytes('0/0'), 0)
  assert.equal(lsnBytes('2/A'), 2 * 2 ** 32 + 10)
})
