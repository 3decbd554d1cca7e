/** What `{{ name }}` and `{{ accounts.customer.email }}` stand for. */
export type Values = Record<string, unknown>

const every = /\{\{\s*([^{}]*?)\s*\}\}/g
const alone = /^\{\{\s*([^{}]+?)\s*\}\}$/

/**
 * Puts values into any JSON. A text that is one `{{ }}` becomes the value itself, of its own type; inside a longer text it becomes
 * text; what stands for nothing stays. `missing`: the names that stand for nothing, each once.
 * @param encode of each value that is put into a longer text, e.g. encodeURIComponent for a path
 */
export function fill<T> (value: T, values: Values, encode: (text: string) => string = text => text): { value: T, missing: string[] } {
  const missing = new Set<string>()
  const find = (name: string): unknown => {
    const found = follow(values, name)
    if (found === undefined) missing.add(name)
    return found
  }
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') {
      const whole = alone.exec(value)
      if (whole) return find(whole[1]!) ?? value
      return value.replace(every, (original, name: string) => { const found = find(name); return found === undefined ? original : encode(textOf(found)) })
    }
    if (Array.isArray(value)) return value.map(walk)
    if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item)]))
    return value
  }
  return { value: walk(value) as T, missing: [...missing] }
}

function textOf (value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function follow (values: Values, name: string): unknown {
  let value: unknown = values
  for (const key of name.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return undefined
    value = (value as Values)[key]
  }
  return value
}

/** A text without the secrets in it. Short ones are left: `a` would mask every word. */
export function masked (text: string, secrets: Iterable<string>): string {
  let result = text
  for (const secret of secrets) if (secret.length >= 6) result = result.replaceAll(secret, '•••')
  return result
}
