/** `{{ params.x }}`, `{{ env.database.primary.port }}`, `{{ steps.id.output.y }}`, and nothing more: no expressions. */
export type Lookup = string

export interface LookupScope {
  params: Record<string, unknown>
  env: unknown
  steps: Record<string, { output: unknown }>
  /** Values of the parameters that have an `enum`: `{{ params.x.VALUE }}` is true where x is VALUE, which is all that a `when` needs. */
  choices: Record<string, readonly string[]>
}

export type LookupRoot = Exclude<keyof LookupScope, 'choices'>

export interface Unresolved {
  lookup: string
  /** JSON pointer into the value that was resolved. */
  pointer: string
  /** What is wrong, with what exists at the place where the path ends. */
  message: string
}

const whole = /^\{\{\s*([^{}]+?)\s*\}\}$/
const every = /\{\{\s*([^{}]*?)\s*\}\}/g
const path = /^(params|env|steps)((?:\.[A-Za-z0-9_-]+)+)$/

/** A lookup in its parts, or undefined where it is none: `steps.break.output.node` → steps, [break, output, node]. */
export function parseLookup (lookup: string): { root: LookupRoot, keys: string[] } | undefined {
  const match = path.exec(lookup)
  return match ? { root: match[1] as LookupRoot, keys: match[2]!.slice(1).split('.') } : undefined
}

/** The paths of all lookups in a text, e.g. `['params.x']`. */
export function lookupsIn (text: string): string[] {
  return [...text.matchAll(every)].map(match => match[1]!)
}

/**
 * Replaces every lookup in a value (any JSON). A string that is one lookup becomes the value itself, of its own type; a lookup
 * inside a longer text becomes text. Only roots that `scope` has are touched: a scope without `steps` leaves those lookups
 * for the moment when the step runs. What resolves to nothing is reported, never left silently.
 */
export function resolve<T> (value: T, scope: Partial<LookupScope>, pointer = '', unresolved: Unresolved[] = []): { value: T, unresolved: Unresolved[] } {
  return { value: walk(value, scope, pointer, unresolved) as T, unresolved }
}

function walk (value: unknown, scope: Partial<LookupScope>, pointer: string, unresolved: Unresolved[]): unknown {
  if (typeof value === 'string') return resolveText(value, scope, pointer, unresolved)
  if (Array.isArray(value)) return value.map((item, index) => walk(item, scope, `${pointer}/${index}`, unresolved))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, scope, `${pointer}/${key}`, unresolved)]))
  }
  return value
}

function resolveText (text: string, scope: Partial<LookupScope>, pointer: string, unresolved: Unresolved[]): unknown {
  if (!text.includes('{{')) return text
  const alone = whole.exec(text)
  const find = (lookup: string): { found: boolean, value?: unknown } => {
    const result = follow(lookup, scope)
    if (result === 'later') return { found: false }
    if (typeof result === 'string') {
      unresolved.push({ lookup, pointer, message: result })
      return { found: false }
    }
    return { found: true, value: result.value }
  }
  if (alone) {
    const result = find(alone[1]!)
    return result.found ? result.value : text
  }
  return text.replace(every, (original, lookup: string) => {
    const result = find(lookup)
    if (!result.found) return original
    return typeof result.value === 'object' ? JSON.stringify(result.value) : String(result.value)
  })
}

/** The value a path leads to; `'later'` where its root is not in scope; a sentence where it leads nowhere. */
function follow (lookup: string, scope: Partial<LookupScope>): { value: unknown } | 'later' | string {
  const parsed = parseLookup(lookup)
  if (!parsed) return `"{{ ${lookup} }}" is no lookup; write {{ params.x }}, {{ env.a.b }} or {{ steps.id.output.y }}`
  const { root, keys } = parsed
  if (!(root in scope)) return 'later'
  const [param, choice] = keys
  if (root === 'params' && choice !== undefined && keys.length === 2 && choicesOf(scope, param!).includes(choice)) {
    return { value: scope.params?.[param!] === choice }
  }
  let value: unknown = scope[root]
  let walked: string = root
  for (const key of keys) {
    const next = child(value, key)
    if (next === undefined) return `"{{ ${lookup} }}" leads to nothing: ${walked} has ${keysOf(value)}`
    value = next
    walked += `.${key}`
  }
  return { value }
}

function choicesOf (scope: Partial<LookupScope>, param: string): readonly string[] {
  return scope.choices && Object.hasOwn(scope.choices, param) ? scope.choices[param]! : []
}

/** An object's own key, a list's index, or a list's member by its `name`. */
function child (value: unknown, key: string): unknown {
  if (Array.isArray(value)) return /^\d+$/.test(key) ? value[Number(key)] : value.find(item => item?.name === key)
  if (value !== null && typeof value === 'object' && Object.hasOwn(value, key)) return (value as Record<string, unknown>)[key]
  return undefined
}

function keysOf (value: unknown): string {
  if (value === null || typeof value !== 'object') return 'no parts'
  const keys = Array.isArray(value) ? value.map((item, index) => item?.name ?? index) : Object.keys(value)
  return keys.length === 0 ? 'nothing' : keys.slice(0, 12).join(', ')
}
