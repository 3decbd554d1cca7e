import type { CheckInputs } from '../../src/drill/checks.js'
import { manifestDifferences } from '../../src/drill/manifest.js'
import type { Check } from '../action.js'
import { readManifest } from './configuration-open.js'
import { blindWhereItThrows } from './files-checks.js'
import { inventory } from './inventory.js'

const shown = 5

/**
 * What was opened is what was sealed, by digest, mode and owner; where the living system still stands (`live`), it is also what is in use
 * there: a bundle that is out of date opens well and restores the wrong passwords.
 */
export const configurationEqual: Check<CheckInputs['configuration.equal']> = async ({ configuration, folder, live = false }, context) => {
  const expected = `every file as it was sealed${live ? ', and as it is in use' : ''}`
  return await blindWhereItThrows(expected, context, async () => {
    const manifest = readManifest(folder)
    const owners = process.getuid?.() === 0
    const missing = configuration.paths.filter(path => !manifest.paths.includes(path))
    const opened = inventory(folder, manifest.paths)
    const differences = [
      ...missing.map(path => `${path} was never sealed`),
      ...manifestDifferences(manifest.entries, opened, { owners }),
      ...(live ? manifestDifferences(inventory('/', configuration.paths), opened, { owners }).map(words => `not as in use: ${words}`) : []),
    ]
    const files = manifest.entries.filter(entry => entry.kind === 'file').length
    const output = { files, differences: differences.length }
    if (files === 0) return { outcome: 'blind', observed: 'no file was sealed', expected, output }
    if (differences.length > 0) return { outcome: 'fail', observed: `${differences.slice(0, shown).join('; ')}${differences.length > shown ? `; and ${differences.length - shown} more` : ''}`, expected, output }
    return { outcome: 'pass', observed: `${files} files have the digest, mode${owners ? ' and owner' : ''} that they had${live ? ', and are what is in use' : ''}`, expected, output }
  })
}
