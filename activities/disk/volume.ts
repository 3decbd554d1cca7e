import { isMountPoint } from '../../src/control/disk.js'
import type { Volume } from '../../src/drill/environment.js'
import { DrillError } from '../../src/errors.js'
import type { StepContext } from '../action.js'

/** Throws `input.invalid` where the environment has no such volume. */
export function volumeOf (volumes: Record<string, Volume>, name: string): Volume {
  if (!Object.hasOwn(volumes, name)) throw new DrillError('input.invalid', `The environment has no volume "${name}", only ${Object.keys(volumes).join(', ') || 'none'}`)
  return volumes[name]!
}

/** Why a volume must not be filled; undefined where it may be. */
export function sharedBecause (name: string, { path }: Volume): string | undefined {
  return isMountPoint(path) ? undefined : `volume "${name}" (${path}) is no mount point: filling it would fill the disk that everything else of this machine lies on`
}

/** Named by drill and step, so that each undo removes its own alone. */
export function ballastOf ({ path }: Volume, { drillId, stepId }: Pick<StepContext, 'drillId' | 'stepId'>): string {
  return `${path}/muster-ballast-${drillId}-${stepId}`
}

export function roomText (name: string, { totalBytes, freeBytes }: { totalBytes: number, freeBytes: number }): string {
  return `${mebibytes(freeBytes)} of ${mebibytes(totalBytes)} are free on ${name}`
}

function mebibytes (bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
