import type { DatabaseCluster, Volume } from '../environment.js'
import type { ActionCatalog } from './facts.js'

/** What actions on volumes take. */
export interface DiskInputs {
  /** `leave`: percent of the volume that stay free. `database`: what dies of it and is to be brought back. */
  'disk.fill': { volumes: Record<string, Volume>, volume: string, leave: number, database?: DatabaseCluster }
}

export const diskActions: ActionCatalog<DiskInputs> = {
  'disk.fill': {
    about: 'Fills a volume with a file until so much of it is left; never one that is no mount point of its own. Output: `ballastBytes`, `freeBytes`.',
    title: ({ volume, leave }) => leave === 0 ? `fill volume ${volume} to the end` : `fill volume ${volume} until ${leave} % are free`,
    undoTitle: ({ volume, database }) => `take the ballast off volume ${volume}${database ? ', and bring the database back' : ''}`,
    byHand: ({ volumes, volume, database }) => `remove ${volumes[volume]?.path}/muster-ballast-*${database ? ', and start the PostgreSQL server that died of it' : ''}`,
    isFault: true,
    isLeased: true,
    hits: ({ volume }) => [{ kind: 'volume', name: volume }],
    timeout: '30s',
    undoTimeout: '60s',
  },
}
