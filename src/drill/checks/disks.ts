import type { Volume } from '../environment.js'
import type { CheckCatalog } from './facts.js'

/** What checks of volumes take. */
export interface DiskCheckInputs {
  /** `atLeast`: percent. */
  'disk.room': { volumes: Record<string, Volume>, volume: string, atLeast: number }
  'disk.full': { volumes: Record<string, Volume>, volume: string }
}

export const diskChecks: CheckCatalog<DiskCheckInputs> = {
  'disk.room': {
    about: 'A volume is a mount point of its own and so much of it is free. What is only a folder of the machine’s disk fails: a drill must not fill that. Output: `freeBytes`, `totalBytes`.',
    title: ({ volume, atLeast }) => `at least ${atLeast} % of volume ${volume} are free`,
    timeout: '10s',
  },
  'disk.full': {
    about: 'A write of 1 MiB to a volume is refused for want of room: proof that filling it had its effect.',
    title: ({ volume }) => `volume ${volume} is full`,
    timeout: '10s',
  },
}
