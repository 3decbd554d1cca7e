import { Ajv, type ErrorObject } from 'ajv'
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'
import type { TSchema } from 'typebox'

/** One thing that is wrong with a request. `pointer` is a JSON pointer into its part. */
export interface Problem { in: string, pointer: string, expected: string }

const options = { allErrors: true, removeAdditional: false, useDefaults: true, strict: false, verbose: true } as const
/** A query holds only text, so numbers and booleans are read from it. Everywhere else a wrong type is wrong. */
const readingText = new Ajv({ ...options, coerceTypes: true })
const asItIs = new Ajv({ ...options, coerceTypes: false })

/** Fastify's validator: unknown keys are errors, never dropped in silence. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  (httpPart === 'querystring' ? readingText : asItIs).compile(schema)

/** What is wrong, without repeating what was sent: it may hold a secret. */
export function problemsOf (errors: FastifySchemaValidationError[], part: string): Problem[] {
  return errors.slice(0, 20).map(error => ({ in: part, ...problem(error as unknown as ErrorObject) }))
}

function problem (error: ErrorObject): Omit<Problem, 'in'> {
  const { keyword, params, instancePath, parentSchema } = error
  switch (keyword) {
    case 'required': return { pointer: `${instancePath}/${params['missingProperty']}`, expected: 'must be there' }
    case 'additionalProperties': {
      const known = Object.keys((parentSchema?.['properties'] ?? {}) as object)
      return { pointer: `${instancePath}/${escape(String(params['additionalProperty']))}`, expected: `is not known here; known: ${known.join(', ') || 'nothing'}` }
    }
    case 'enum': return { pointer: instancePath, expected: `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}` }
    case 'pattern': return { pointer: instancePath, expected: `must look like ${parentSchema?.['description'] ?? params['pattern']}` }
    default: return { pointer: instancePath, expected: error.message ?? `breaks "${keyword}"` }
  }
}

/** A key chosen by the caller, cut and escaped for a JSON pointer. */
function escape (key: string): string {
  return key.slice(0, 80).replaceAll('~', '~0').replaceAll('/', '~1')
}
