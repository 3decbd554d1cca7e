/** The course of something measured as an SVG path: where there is no value the line breaks, since nothing was measured there. */
export function pathOf (points: Array<[x: number, y: number | undefined]>): string {
  let pen = 'M'
  return points.map(([x, y]) => {
    if (y === undefined) { pen = 'M'; return '' }
    const piece = `${pen}${x} ${y}`
    pen = 'L'
    return piece
  }).join('')
}

/** A coordinate with one decimal: what is drawn is no finer, and pages stay small. */
export function round (value: number): number {
  return Math.round(value * 10) / 10
}
