/** The candidate that a mistyped word most probably meant: at most two letters off, and fewer than it has. */
export function nearest (word: string, candidates: readonly string[]): string | undefined {
  let best: { candidate: string, distance: number } | undefined
  for (const candidate of candidates) {
    const distance = lettersOff(word.toLowerCase(), candidate.toLowerCase())
    if (distance <= 2 && distance < candidate.length && distance < (best?.distance ?? 3)) best = { candidate, distance }
  }
  return best?.candidate
}

/** The hint of an unknown word: what it meant, or (where they are few) what there is. */
export function didYouMean (word: string, candidates: readonly string[]): string | undefined {
  const meant = nearest(word, candidates)
  if (meant !== undefined) return `did you mean "${meant}"?`
  if (candidates.length === 0) return 'there are none'
  return candidates.length <= 12 ? `there is ${candidates.join(', ')}` : undefined
}

/** Levenshtein distance, given up above 2. */
function lettersOff (a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
