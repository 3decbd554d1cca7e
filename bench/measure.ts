/** One line of the table: ours beside its peer, measured in the same run and taking turns. */
export interface Line { what: string, unit: 'ms' | 'events', ours: number, peer?: number, peerIs: string, goal: string, met: boolean }

export function percentile (values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

/** Ours against a peer: met where the ratio is at most the goal. */
export function ratio (what: string, unit: Line['unit'], ours: number, peer: number, peerIs: string, atMost: number): Line {
  return { what, unit, ours, peer, peerIs, goal: `≤ ${atMost.toFixed(2)} ×`, met: ours / peer <= atMost }
}

export function printLines (lines: Line[]): void {
  for (const line of lines) {
    const number = (value: number): string => line.unit === 'events' ? String(Math.round(value)) : `${value.toFixed(value < 100 ? 1 : 0)} ms`
    const against = line.peer === undefined ? '' : `, ${line.peerIs} ${number(line.peer)}, ratio ${(line.ours / line.peer).toFixed(2)}`
    console.log(`${line.met ? 'met   ' : 'MISSED'}  ${line.what.padEnd(44)} ${number(line.ours)}${against}  (goal ${line.goal})`)
  }
}
