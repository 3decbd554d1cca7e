// Loader of entries that are no part of the build, such as the chaos: what they import of Muster comes from dist/, as in everything that
// they start. A lab's shop that compiles itself at each start takes longer than its deadline on a busy machine.
import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

let root = ''

/** @param {{ root: string }} data the clone */
export function initialize (data) {
  root = data.root
}

export async function resolve (specifier, context, next) {
  const found = await next(specifier, context)
  if (!found.url.startsWith('file:') || !found.url.endsWith('.ts')) return found
  const built = join(root, 'dist', relative(root, fileURLToPath(found.url)).replace(/\.ts$/, '.js'))
  return existsSync(built) ? { ...found, url: pathToFileURL(built).href, format: 'module' } : found
}
