import type { Duration } from '../duration.js'
import type { DatabaseCluster } from '../environment.js'
import type { CheckCatalog } from './facts.js'

/** What checks of the database take. */
export interface DatabaseCheckInputs {
  'postgres.steady': { database: DatabaseCluster }
  'postgres.onePrimary': { database: DatabaseCluster }
  'postgres.invariants': { database: DatabaseCluster }
  'postgres.outOfRoom': { database: DatabaseCluster }
  'archiving.stuck': { database: DatabaseCluster }
  /** `failed` and `promoted` are one where a node came back itself. `faultAtMs`: when the fault struck, for the RPA as a time. `rpo`: what may be lost; without it no acknowledged write. */
  'canaries.compare': { database: DatabaseCluster, failed: string, promoted: string, faultAtMs?: number, rpo?: Duration }
}

export const databaseChecks: CheckCatalog<DatabaseCheckInputs> = {
  'postgres.steady': {
    about: 'Exactly one primary, every standby streaming and readable, synchronous as promised, archiving works, and the endpoint leads to the primary. Output: `primary`, `standby` (names).',
    title: () => 'the database pair is whole',
    timeout: '15s',
  },
  'postgres.onePrimary': {
    about: 'Split brain is looked for: each node is asked at its own address, and exactly one takes writes.',
    title: () => 'exactly one database takes writes',
    timeout: '15s',
  },
  'postgres.invariants': {
    about: 'Each business invariant of the environment answers true, asked through the endpoint.',
    title: () => 'the business invariants hold',
    timeout: '15s',
  },
  'postgres.outOfRoom': {
    about: 'At the endpoint a write that needs room is refused with PostgreSQL’s 53100 (disk full), and a read is answered: proof that a full data volume had its effect.',
    title: () => 'the database refuses what needs room',
    timeout: '15s',
  },
  'archiving.stuck': {
    about: 'The archiver fails and WAL waits for it on the primary: proof that a fault of the backup repository had its effect.',
    title: () => 'WAL cannot be archived',
    timeout: '15s',
  },
  'canaries.compare': {
    about: 'Which acknowledged writes survived: acked, lost, unknown, doubled, alien, and whether the WAL of the failed node agrees (or, where the node that failed came back itself, its commit log). Fails where more was lost than the recovery point objective allows.',
    title: () => 'no acknowledged write is lost',
    timeout: '60s',
  },
}
