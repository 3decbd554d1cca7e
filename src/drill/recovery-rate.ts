import { durationText } from './duration.js'

/** One part of a restore: how long it took, and how many bytes it moved where that is what its time depends on. */
export interface RestorePhase { name: string, ms: number, bytes?: number }

export interface RecoveryEstimate {
  /** How long the restore would take at the size asked for. */
  estimatedMs: number
  /** How large the cluster may be before the objective is missed; absent where time does not depend on size, as far as was seen. */
  largestBytes?: number
  assumption: string
}

/**
 * A measured restore, scaled to another size. The phases that move bytes grow in step with the cluster (the WAL to replay too),
 * the others do not grow. It says what it assumes, since small data lies in the page cache: measure again at size.
 */
export function estimateRecovery (
  phases: readonly RestorePhase[], { measuredBytes, sizeBytes, rtoMs }: { measuredBytes: number, sizeBytes: number, rtoMs: number }
): RecoveryEstimate {
  const sum = (chosen: readonly RestorePhase[]): number => chosen.reduce((total, { ms }) => total + ms, 0)
  const fixedMs = sum(phases.filter(phase => phase.bytes === undefined))
  const growingMs = sum(phases.filter(phase => phase.bytes !== undefined))
  const perByte = growingMs / measuredBytes
  return {
    estimatedMs: fixedMs + perByte * sizeBytes,
    ...(perByte > 0 ? { largestBytes: Math.max(0, (rtoMs - fixedMs) / perByte) } : {}),
    assumption: 'time grows in step with the size, at the rates measured here, with the WAL to replay growing as the cluster does',
  }
}

/** `restore 1.20 s (25.6 MB/s), replay 310 ms (51.2 MB/s), promote 40 ms`. */
export function phasesText (phases: readonly RestorePhase[]): string {
  return phases.map(({ name, ms, bytes }) => `${name} ${durationText(ms)}${bytes === undefined || ms <= 0 ? '' : ` (${bytesText(bytes / ms * 1000)}/s)`}`).join(', ')
}

/** Bytes for a person, in powers of 1000: `512 B`, `30.8 MB`, `1.2 GB`. */
export function bytesText (bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  const value = bytes / 1000 ** power
  return `${power === 0 ? Math.round(value) : value.toFixed(value < 10 ? 1 : 0)} ${units[power]}`
}
