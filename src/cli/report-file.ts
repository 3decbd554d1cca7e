import { existsSync } from 'node:fs'
import { access, constants, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DrillError, messageOf } from '../errors.js'

/** Throws `input.invalid` with the file's name where it cannot be written. */
export async function writeReport (file: string, text: string): Promise<void> {
  await writeFile(file, text).catch((cause: unknown) => { throw notWritable(file, cause) })
}

/** Asks before anything long is begun; writes nothing. Throws as `writeReport` would. */
export async function requireWritable (file: string): Promise<void> {
  await access(existsSync(file) ? file : dirname(file), constants.W_OK).catch((cause: unknown) => { throw notWritable(file, cause) })
}

function notWritable (file: string, cause: unknown): DrillError {
  return new DrillError('input.invalid', `${file} cannot be written: ${messageOf(cause)}`, { cause })
}
