/** What a sealed configuration holds, file by file. It lies inside of the seal: a digest of a weak secret gives it away. */
export interface Manifest {
  /** Epoch ms. */
  sealedAtMs: number
  paths: string[]
  entries: ManifestEntry[]
}

export interface ManifestEntry {
  /** Absolute, as it is called where it was sealed. */
  path: string
  kind: 'file' | 'folder' | 'link'
  mode: number
  uid: number
  gid: number
  /** SHA-256 of the content or, of a link, its target. */
  digest?: string
}

/** How what is there differs from what should be: paths and what about them, never a content. `owners`: whether they are compared (only root can give files away). */
export function manifestDifferences (wanted: ManifestEntry[], found: ManifestEntry[], { owners }: { owners: boolean }): string[] {
  const there = new Map(found.map(entry => [entry.path, entry]))
  const known = new Set(wanted.map(entry => entry.path))
  return [
    ...wanted.flatMap(entry => {
      const other = there.get(entry.path)
      if (!other) return [`${entry.path} is missing`]
      const faults = [
        ...(entry.kind !== other.kind ? [`a ${other.kind} instead of a ${entry.kind}`] : []),
        ...(entry.digest !== other.digest ? ['another content'] : []),
        ...(entry.mode !== other.mode ? [`mode ${octal(other.mode)} instead of ${octal(entry.mode)}`] : []),
        ...(owners && (entry.uid !== other.uid || entry.gid !== other.gid) ? [`owner ${other.uid}:${other.gid} instead of ${entry.uid}:${entry.gid}`] : []),
      ]
      return faults.length === 0 ? [] : [`${entry.path} has ${faults.join(', ')}`]
    }),
    ...found.filter(entry => !known.has(entry.path)).map(entry => `${entry.path} is there too`),
  ]
}

/** A manifest that was read; undefined where it is none. */
export function manifestOf (text: string): Manifest | undefined {
  try {
    const manifest = JSON.parse(text) as Partial<Manifest>
    return typeof manifest.sealedAtMs === 'number' && Array.isArray(manifest.paths) && Array.isArray(manifest.entries) ? manifest as Manifest : undefined
  } catch {
    return undefined
  }
}

function octal (mode: number): string {
  return mode.toString(8).padStart(4, '0')
}
