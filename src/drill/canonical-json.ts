/**
 * JSON with sorted keys (by UTF-16 code unit) and no white space, as in RFC 8785; what JSON.stringify would leave out is absent.
 * The same value gives the same text, in any language.
 */
export function canonicalJson (value: unknown): string {
  // First to plain data: what is undefined goes, and toJSON is asked.
  return write(JSON.parse(JSON.stringify(value) ?? 'null'))
}

function write (value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${write(item)}`).join(',')}}`
}
