import type { ErrorObject } from 'ajv'
import { didYouMean, nearest } from './nearest.js'

/** One thing that is wrong with a value. */
export interface Flaw {
  /** JSON pointer into the value. */
  pointer: string
  /** It is the key that is wrong, not what it holds. */
  atKey?: boolean
  message: string
  hint?: string
}

interface Described {
  errorMessage?: string
  writeOnly?: boolean
  type?: string
  properties?: Record<string, { const?: string }>
  required?: string[]
  anyOf?: Described[]
  oneOf?: Described[]
}

/** What Ajv found, told to a person: one flaw for each mistake, not one for each branch that a value might have been. */
export function flawsOf (errors: ErrorObject[], isOpen: (value: unknown) => boolean): Flaw[] {
  const flaws: Flaw[] = []
  for (const error of ownBranches(errors)) {
    if (isOpen(error.data) || hasBetter(error, errors)) continue
    const flaw = flawOf(error)
    if (!flaws.some(other => other.pointer === flaw.pointer && other.message === flaw.message)) flaws.push(flaw)
  }
  return flaws
}

/** Of each `anyOf`: only the errors of the branch that was meant, or only its own where none can be told. */
function ownBranches (errors: ErrorObject[]): ErrorObject[] {
  let kept = errors
  for (const union of errors.filter(error => error.keyword === 'anyOf')) {
    const below = (error: ErrorObject, branch = ''): boolean => error.schemaPath.startsWith(`${union.schemaPath}/${branch}`) && isAtOrBelow(error.instancePath, union.instancePath)
    const meant = meantBranch(union)
    kept = kept.filter(error => meant === undefined ? error === union || !below(error) : error !== union && (!below(error) || below(error, `${meant}/`)))
  }
  return kept
}

/** The branch for objects whose first field is there; undefined where the value fits none. */
function meantBranch (union: ErrorObject): number | undefined {
  const { data } = union
  if (data === null || typeof data !== 'object' || Array.isArray(data)) return undefined
  const branches = (union.parentSchema as Described).anyOf ?? []
  const index = branches.findIndex(branch => branch.type === 'object' && (branches.filter(other => other.type === 'object').length === 1 || Object.hasOwn(data, branch.required?.[0] ?? '')))
  return index < 0 ? undefined : index
}

function isAtOrBelow (pointer: string, ancestor: string): boolean {
  return pointer === ancestor || pointer.startsWith(`${ancestor}/`)
}

/** Whether another error says the same and more. */
function hasBetter (error: ErrorObject, errors: ErrorObject[]): boolean {
  if (error.propertyName !== undefined && error.keyword !== 'propertyNames') return true
  if (error.keyword !== 'required') return false
  const missing = String(error.params['missingProperty'])
  return errors.some(other => other.instancePath === error.instancePath && (
    other.keyword === 'discriminator' ||
    (other.keyword === 'additionalProperties' && nearest(String(other.params['additionalProperty']), keysOf(other)) === missing)))
}

function flawOf (error: ErrorObject): Flaw {
  const { instancePath: pointer, params } = error
  const schema = error.parentSchema as Described
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(params['additionalProperty'])
      return { pointer: `${pointer}/${escaped(key)}`, atKey: true, message: `unknown key "${key}"`, hint: didYouMean(key, keysOf(error)) }
    }
    case 'propertyNames': {
      const key = String(params['propertyName'])
      const names = (error.schema as Described).errorMessage
      return { pointer: `${pointer}/${escaped(key)}`, atKey: true, message: `"${key}" is no name here`, hint: names }
    }
    case 'required': return { pointer, message: `"${String(params['missingProperty'])}" is missing` }
    case 'discriminator': {
      const tag = String(params['tag'])
      const known = (schema.oneOf ?? []).flatMap(branch => branch.properties?.[tag]?.const ?? [])
      if (typeof params['tagValue'] !== 'string') return { pointer, message: `"${tag}" is missing`, hint: `it is one of ${known.join(', ')}` }
      return { pointer: `${pointer}/${tag}`, message: `there is no ${tag} "${params['tagValue']}"`, hint: didYouMean(params['tagValue'], known) }
    }
    case 'enum': {
      const values = (params['allowedValues'] as unknown[]).map(String)
      return { pointer, message: `${shown(error.data, schema)} is not one of ${values.join(', ')}`, hint: typeof error.data === 'string' ? meant(error.data, values) : undefined }
    }
    case 'anyOf': {
      if (schema.errorMessage) return { pointer, message: `must be ${schema.errorMessage}, not ${shown(error.data, schema)}` }
      return { pointer, message: `needs one of ${(schema.anyOf ?? []).map(branch => branch.required?.[0]).join(', ')}` }
    }
    case 'const': return { pointer, message: `must be ${JSON.stringify(params['allowedValue'])}, not ${shown(error.data, schema)}` }
    default: {
      if (schema.errorMessage) return { pointer, message: `must be ${schema.errorMessage}, not ${shown(error.data, schema)}` }
      return { pointer, message: error.keyword === 'type' ? `${error.message}, not ${typeName(error.data)}` : error.message ?? 'is wrong' }
    }
  }
}

function meant (word: string, candidates: string[]): string | undefined {
  const candidate = nearest(word, candidates)
  return candidate === undefined ? undefined : `did you mean "${candidate}"?`
}

/** The value in short; never one that stands where a secret may have been put by mistake. */
function shown (value: unknown, schema: Described): string {
  if (schema.writeOnly) return 'what is written there'
  if (value !== null && typeof value === 'object') return typeName(value)
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function typeName (value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : typeof value === 'string' ? 'text' : typeof value
}

function keysOf (error: ErrorObject): string[] {
  return Object.keys((error.parentSchema as Described).properties ?? {})
}

function escaped (key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
