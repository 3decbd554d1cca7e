import { durationText } from './duration.js'

/** A time of a load in ms: below 10 ms its tenths matter. */
export function msText (ms: number | undefined): string {
  if (ms === undefined) return '–'
  return ms < 10 ? `${ms.toFixed(1)} ms` : durationText(ms)
}

/** A figure of what was watched beside a load. @param unit one of `watchUnits` */
export function valueText (value: number, unit: string): string {
  switch (unit) {
    case 'bytes': return `${Math.round(value / 100_000) / 10} MB`
    case 'ratio': return `${Math.round(value * 1000) / 10} %`
    case 'seconds': return durationText(value * 1000)
    default: return String(Math.round(value * 10) / 10)
  }
}
