import { resolve } from 'node:path'
import { DrillError } from '../errors.js'
import { clean } from './text.js'

/** Files as the catalogue has read them; `problems` are lines with file:line:col. */
export interface Checked { file: string, problems: string[] }

/**
 * What is wrong in the named files, or in all.
 * @throws DrillError `input.invalid` where a named file is none of the catalogue's: silence about it would read as "good"
 */
export function checkFiles (all: Checked[], folder: string, files: string[]): { checked: string[], problems: string[] } {
  const wanted = files.length === 0 ? all : files.map(file => named(all, folder, file))
  return { checked: wanted.filter(one => one.problems.length === 0).map(one => one.file), problems: wanted.flatMap(one => one.problems) }
}

function named (all: Checked[], folder: string, file: string): Checked {
  const path = resolve(file)
  const found = all.find(one => [resolve(folder, one.file), resolve(one.file)].includes(path))
  if (found) return found
  const there = all.map(one => one.file).join(', ') || 'none'
  throw new DrillError('input.invalid', `${clean(file)} is no file that Muster reads; there are: ${there}`)
}
