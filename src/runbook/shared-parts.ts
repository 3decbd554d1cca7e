type Schema = Record<string, unknown>

/** Shorter ones are read more quickly where they stand, characters of JSON. */
const leastLength = 400
/** Keywords whose value is a schema, a list of them, or a table of them. */
const [single, listed, named] = [['items', 'not', 'additionalProperties', 'contains'], ['anyOf', 'oneOf', 'allOf'], ['properties', 'patternProperties', '$defs']]

/**
 * The same schema with every part that stands in it more than once written down once, in `$defs`, under the name of the field that it
 * describes first. What it takes is the same; thousands of lines become some that a person can read.
 */
export function withSharedParts (schema: object): object {
  const counts = new Map<string, number>()
  const count = (part: Schema): Schema => {
    const text = JSON.stringify(part)
    counts.set(text, (counts.get(text) ?? 0) + 1)
    // What lies in a part that is written once is there once.
    return counts.get(text) === 1 ? eachPart(part, count) : part
  }
  eachPart(schema as Schema, count)

  const names = new Map<string, string>()
  const shared: Record<string, Schema> = { ...(schema as Schema)['$defs'] as Record<string, Schema> | undefined }
  const share = (part: Schema, field: string): Schema => {
    const text = JSON.stringify(part)
    if (text.length < leastLength || counts.get(text)! === 1) return eachPart(part, share, field)
    if (!names.has(text)) {
      const name = freeName(field, shared)
      names.set(text, name)
      // Taken before what lies in it: its own parts may be of the same field.
      shared[name] = part
      shared[name] = eachPart(part, share, field)
    }
    return { $ref: `#/$defs/${names.get(text)!}` }
  }
  const drawn = eachPart(schema as Schema, share)
  return names.size === 0 ? drawn : { ...drawn, $defs: { ...shared, ...drawn['$defs'] as object | undefined } }
}

/** A copy in which every direct part is what `draw` makes of it. @param draw gets the field that a part describes as well */
function eachPart (schema: Schema, draw: (part: Schema, field: string) => Schema, field = 'part'): Schema {
  const drawn = (value: unknown, of: string): unknown => value !== null && typeof value === 'object' && !Array.isArray(value) ? draw(value as Schema, of) : value
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => {
    if (single.includes(key)) return [key, drawn(value, field)]
    if (listed.includes(key)) return [key, (value as unknown[]).map(item => drawn(item, field))]
    if (named.includes(key)) return [key, Object.fromEntries(Object.entries(value as object).map(([name, item]) => [name, drawn(item, name)]))]
    return [key, value]
  }))
}

function freeName (field: string, taken: object): string {
  const name = field.replaceAll(/[^A-Za-z0-9]+/g, '') || 'part'
  for (let number = 1; ; number++) {
    const free = number === 1 ? name : `${name}${number}`
    if (!Object.hasOwn(taken, free)) return free
  }
}
