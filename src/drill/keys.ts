/** Keys of a cache as digests: names and values may be sessions of people, so neither is kept. */
export interface KeyRecord {
  /** Epoch ms. */
  takenAtMs: number
  /** Keys that stood still while the backup was taken; by digest of the name. */
  keys: Record<string, KeyDigest>
  /** Keys that changed, came or went meanwhile: nobody can say what a backup should hold of them. */
  moving: number
}

export interface KeyDigest {
  /** Of type and value. */
  value: string
  /** Epoch ms; -1 where it never expires. */
  expiresAtMs: number
}

/** What stood still between two looks. */
export function stillKeys (before: Map<string, KeyDigest>, after: Map<string, KeyDigest>, takenAtMs: number): KeyRecord {
  const keys: KeyRecord['keys'] = {}
  for (const [name, digest] of before) {
    const later = after.get(name)
    if (later && same(digest, later)) keys[name] = digest
  }
  const all = new Set([...before.keys(), ...after.keys()]).size
  return { takenAtMs, keys, moving: all - Object.keys(keys).length }
}

export interface KeyComparison { compared: number, missing: number, different: number, expired: number }

/** What was restored against the record; a key whose time is over is rightly gone. */
export function compareKeys (record: KeyRecord, found: Map<string, KeyDigest>, nowMs: number): KeyComparison {
  const result: KeyComparison = { compared: 0, missing: 0, different: 0, expired: 0 }
  for (const [name, wanted] of Object.entries(record.keys)) {
    const there = found.get(name)
    if (wanted.expiresAtMs !== -1 && wanted.expiresAtMs <= nowMs) {
      result.expired++
      continue
    }
    result.compared++
    if (!there) result.missing++
    else if (!same(wanted, there)) result.different++
  }
  return result
}

/** A record that was read; undefined where it is none. */
export function keyRecordOf (text: string): KeyRecord | undefined {
  try {
    const record = JSON.parse(text) as Partial<KeyRecord>
    return typeof record.takenAtMs === 'number' && typeof record.moving === 'number' && typeof record.keys === 'object' && record.keys !== null ? record as KeyRecord : undefined
  } catch {
    return undefined
  }
}

/** What redis-check-rdb found wrong; undefined where it read the file to its end and its checksum holds. */
export function rdbProblemOf (text: string): string | undefined {
  if (/Checksum OK/.test(text) && /RDB looks OK!/.test(text) && !/ERROR/.test(text)) return undefined
  const words = text.split('\n').map(line => line.trim()).filter(line => /error|unexpected|wrong|cannot|can't|no such|invalid|EOF/i.test(line))
  return words.slice(0, 2).join('; ').slice(0, 300) || 'the checker did not come to its end'
}

/** What redis-check-aof found wrong; undefined where it found every file of the manifest valid. */
export function aofProblemOf (text: string): string | undefined {
  if (/^All AOF files and manifest are valid$/m.test(text) && !/not valid|error/i.test(text)) return undefined
  const words = text.split('\n').map(line => line.trim()).filter(line => /not valid|expected|error|cannot|can't|no such|invalid|EOF/i.test(line))
  return words.slice(0, 2).join('; ').slice(0, 300) || 'the checker did not come to its end'
}

function same (one: KeyDigest, other: KeyDigest): boolean {
  return one.value === other.value && one.expiresAtMs === other.expiresAtMs
}
