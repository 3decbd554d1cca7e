import type { Copy } from '../copy.js'
import type { Duration } from '../duration.js'
import type { LastWrite, Rebuild } from '../rebuild.js'
import type { CheckCatalog } from './facts.js'

/** What checks of a system that comes up from its backups take. */
export interface RebuildCheckInputs {
  'rebuild.empty': { rebuild: Rebuild }
  'rebuild.moment': { rebuild: Rebuild }
  /** `lastWrite`: of an earlier `rebuild.moment`. `rpo`: what may be lost; without it no acknowledged write. */
  'rebuild.loss': { rebuild: Rebuild, copy: Copy, lastWrite: LastWrite, rpo?: Duration }
  /** `atMs`: of an earlier `rebuild.moment`. `smoke`: the verdict of the suite that was asked right before. */
  'rebuild.timely': { atMs: number, smoke: string, rto?: Duration }
}

export const rebuildChecks: CheckCatalog<RebuildCheckInputs> = {
  'rebuild.empty': {
    about: 'The machine is empty where a system is to come up from its backups: nothing lies at its root, nobody listens on its ports. Output: `freeBytes`.',
    title: ({ rebuild }) => `nothing is at ${rebuild.root}, and its ports are free`,
    timeout: '30s',
  },
  'rebuild.moment': {
    about: 'Fixes the moment at which the living system counts as lost: one more empty transaction is acknowledged there. Nothing is archived for it. Output: `lastWrite`, `atMs`.',
    title: () => 'from here on the living system counts as lost',
    timeout: '15s',
  },
  'rebuild.loss': {
    about: 'What the restored database lacks of what was acknowledged (RPA): the last write of the living system against the newest that is here. Asked before anybody writes to it. Output: `lostMs`.',
    title: () => 'no more is lost than the recovery point objective allows',
    timeout: '30s',
  },
  'rebuild.timely': {
    about: 'How long it took from the disaster to good smoke checks on the restored system (RTA), against the recovery time objective. Output: `tookMs`.',
    title: () => 'the system is back in time',
    timeout: '10s',
  },
}
