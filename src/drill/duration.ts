/** A length of time as people write it, the grammar of Temporal's own durations: `100ms`, `5s`, `2m`, `4h`, `1d`. */
export type Duration = string

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** Also the pattern of the JSON Schema. */
export const durationPattern = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/

/** Milliseconds of a duration, or undefined where the text is none. */
export function tryDurationMs (text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined
  const match = durationPattern.exec(text.trim())
  if (!match) return undefined
  return Math.round(Number(match[1]) * unitMs[match[2]!]!)
}

/** Milliseconds of a duration that was validated before; throws a RangeError on any other text. */
export function durationMs (text: Duration): number {
  const ms = tryDurationMs(text)
  if (ms === undefined) throw new RangeError(`"${text}" is no duration; write for example 500ms, 30s, 5m, 4h`)
  return ms
}

/** `mm:ss` (or `h:mm:ss`) of milliseconds, as a recovery clock shows them. */
export function clockText (ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (n: number): string => String(n).padStart(2, '0')
  const h = Math.floor(seconds / 3600)
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return h > 0 ? `${h}:${rest}` : rest
}

/** Milliseconds for a person: `41 ms`, `1.88 s`, `4 min 10 s`, `2 h 3 min`. */
export function durationText (ms: number): string {
  if (ms < 0) return `−${durationText(-ms)}`
  // Rounded before a unit is chosen, so that nothing reads `60.0 s` or `1 min 60 s`.
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9995 ? 2 : 1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
