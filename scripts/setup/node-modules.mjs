// npm packages: whether node_modules is what package-lock.json says, and `npm ci` where it is not.
import { lstatSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { command, lastWords } from './command.mjs'
import { SetupFault } from './fault.mjs'

export function modulesFresh (root) {
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const there = packagesOf(join(root, 'node_modules/.package-lock.json'))
  if (!wanted || !there) return false
  for (const [path, one] of Object.entries(wanted)) {
    if (path === '') continue
    const other = there[path]
    // npm leaves out optional packages of other systems.
    if (!other && (one.optional || one.devOptional)) continue
    if (!other || other.version !== one.version || other.integrity !== one.integrity) return false
  }
  return Object.keys(there).every(path => path in wanted)
}

export async function installModules (root, tell) {
  const folder = join(root, 'node_modules')
  // npm ci would empty the folder at its other end, under the feet of whoever uses it.
  if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) throw new SetupFault(`node_modules is a link to ${realpathSync(folder)}, which is not what package-lock.json says: run npm ci there, or remove the link`)
  tell('npm ci')
  const { code, all } = await command('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root })
  if (code !== 0) throw new SetupFault(`The npm packages could not be installed (npm ci, exit ${code}: ${lastWords(all, 3)}): check the network and npm’s registry setting, then run npm run setup again`)
  return `${Object.keys(packagesOf(join(root, 'node_modules/.package-lock.json')) ?? {}).length} packages`
}

function packagesOf (path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    return undefined
  }
}
