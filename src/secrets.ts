import { readFile } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { DrillError } from './errors.js'

/** Larger files are no secrets but mistakes. */
const maxBytes = 64 * 1024

/**
 * Resolves `env:NAME` and `file:PATH` (absolute) inside the activity that needs the secret. What it returns must never be logged,
 * returned or thrown; its errors name the reference only.
 *
 * @throws DrillError `secret.missing`
 */
export function secretsFrom (env: Readonly<Record<string, string | undefined>>): (ref: string) => Promise<string> {
  return async ref => {
    const [, kind, name] = /^(env|file):(.+)$/.exec(ref) ?? []
    if (kind === 'env') {
      // Own ones only: `toString` is no variable.
      const value = Object.hasOwn(env, name!) ? env[name!] : undefined
      if (value === undefined || value === '') throw missing(ref, 'the variable is not set on this worker')
      return value
    }
    if (kind === 'file') {
      if (!isAbsolute(name!)) throw missing(ref, 'the path must be absolute')
      const text = await readFile(name!, 'utf8').catch((error: NodeJS.ErrnoException) => { throw missing(ref, `the file cannot be read (${error.code})`) })
      if (text.length > maxBytes) throw missing(ref, `the file is over ${maxBytes} bytes`)
      if (text.trim() === '') throw missing(ref, 'the file is empty')
      return text.trim()
    }
    // The text may be the secret itself, written here by mistake: it is not repeated.
    throw new DrillError('secret.missing', 'a secret must be a reference, env:NAME or file:/PATH; what stands there is neither')
  }
}

function missing (ref: string, why: string): DrillError {
  return new DrillError('secret.missing', `secret ${ref} resolves to nothing: ${why}`)
}
