import Type, { type Static, type TSchema, type TUnsafe } from 'typebox'
import { durationPattern, type Duration } from '../drill/duration.js'

/**
 * What schemas are made of. `errorMessage` is what a wrong value is told to be (editors show it too); a value that may be a
 * lookup until a drill starts is `anyOf: [the value, a lookup]`, so that the strict form is the first of the two.
 */

/** Names of runbooks, environments and steps: they become file names, workflow ids and paths of lookups. */
export const namePattern = '^[a-z0-9][a-z0-9-]{0,62}$'
const lookupPattern = '^\\{\\{[^{}]*\\}\\}$'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

/** Makes the compiler prove that a schema describes exactly a plain type of src/drill: neither more, nor less, nor less optional. */
export function matching<T> () {
  return <S extends TSchema>(schema: S & (Equal<Static<S>, T> extends true ? unknown : { 'schema and type differ': Static<S> })): S => schema as S
}

/** An object with these fields and no others. */
export function closed<P extends Record<string, TSchema>> (fields: P, description?: string) {
  return Type.Object(fields, { additionalProperties: false, ...(description ? { description } : {}) })
}

/** The value itself, or a lookup that becomes it when the drill starts. Typed as what it is in a running drill. */
export function orLookup<S extends TSchema> (schema: S): TUnsafe<Static<S>> {
  const { description, errorMessage, default: byDefault, ...value } = schema as S & { description?: string, errorMessage?: string, default?: unknown }
  return Type.Unsafe<Static<S>>({
    anyOf: [value, { type: 'string', pattern: lookupPattern }],
    ...(description ? { description } : {}),
    ...(byDefault === undefined ? {} : { default: byDefault }),
    errorMessage: errorMessage ?? 'another value',
  } as TSchema)
}

export function name (description: string) {
  return Type.String({ pattern: namePattern, description, errorMessage: 'a name of small letters, digits and dashes, at most 63' })
}

export function text (description: string) {
  return Type.String({ minLength: 1, maxLength: 2000, description })
}

export function duration (description: string, byDefault?: string): TUnsafe<Duration> {
  return orLookup(Type.String({ pattern: durationPattern.source, description, errorMessage: 'a duration, for example 500ms, 30s, 5m, 4h', ...(byDefault ? { default: byDefault } : {}) }))
}

/** A whole number from `minimum` to `maximum`. */
export function whole (minimum: number, maximum: number, description: string) {
  return Type.Integer({ minimum, maximum, description, errorMessage: `a whole number from ${minimum} to ${maximum}` })
}

export function oneOf<const V extends readonly string[]> (values: V, description: string, byDefault?: V[number]): TUnsafe<V[number]> {
  return Type.Unsafe<V[number]>({ type: 'string', enum: [...values], description, ...(byDefault ? { default: byDefault } : {}) } as TSchema)
}

export function flag (description: string, byDefault = false) {
  return Type.Boolean({ description, default: byDefault })
}

export function list<S extends TSchema> (items: S, description: string, bounds: { minItems?: number, maxItems?: number } = {}) {
  return Type.Array(items, { description, maxItems: 100, ...bounds })
}

/** A table whose keys are names that lookups can walk through. */
export function table<S extends TSchema> (values: S, description: string) {
  return Type.Record(Type.String(), values, { description, propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_-]{0,62}$', errorMessage: 'a name of letters, digits, _ and -, that starts with a letter' } })
}
