import { Ajv, type ValidateFunction } from 'ajv'
import type { TSchema } from 'typebox'
import { flawsOf, type Flaw } from './flaw.js'

const ajv = new Ajv({ allErrors: true, discriminator: true, verbose: true, strict: true, strictTypes: false, strictRequired: false })
// What a wrong value is told to be; editors know the word too.
ajv.addVocabulary(['errorMessage'])

const compiled = new WeakMap<TSchema, ValidateFunction>()

/** The validator of a schema, compiled once. It answers what is wrong; values that `isOpen` says are not known yet are passed over. */
export function validator (schema: TSchema): (value: unknown, isOpen?: (value: unknown) => boolean) => Flaw[] {
  return (value, isOpen = () => false) => {
    let validate = compiled.get(schema)
    if (!validate) compiled.set(schema, validate = ajv.compile(schema))
    return validate(value) ? [] : flawsOf(validate.errors ?? [], isOpen)
  }
}
