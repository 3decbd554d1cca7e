// Starts an entry of ours in this process: the built one where the build is fresh, else the TypeScript as it is. What is no
// part of the build uses what is.
import { existsSync } from 'node:fs'
import { register } from 'node:module'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { buildFresh } from './build.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @param {string} entry such as src/demo.ts, from the root of the clone  @param {string[]} args */
export async function run (entry, args) {
  const source = resolve(root, entry)
  const built = join(root, 'dist', relative(root, source).replace(/\.ts$/, '.js'))
  if (!existsSync(source) && !existsSync(built)) {
    console.error(`There is no ${entry} in ${root}: the clone is not whole`)
    process.exit(2)
  }
  const isFresh = buildFresh(root)
  const fresh = existsSync(built) && isFresh
  const started = fresh ? built : source
  // The entry must find what it would find if node had been started on it.
  process.argv = [process.argv[0], started, ...args]
  if (fresh) {
    process.setSourceMapsEnabled(true)
  } else {
    const tsx = await import('tsx/esm/api').catch(() => undefined)
    if (tsx === undefined) {
      console.error('Muster’s npm packages are not installed: run npm run setup first')
      process.exit(1)
    }
    tsx.register()
    if (isFresh) register('./built.mjs', import.meta.url, { data: { root } })
  }
  return import(pathToFileURL(started).href)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [entry, ...args] = process.argv.slice(2)
  if (entry === undefined) {
    console.error('usage: node scripts/run.mjs ENTRY.ts [ARGUMENT…]')
    process.exit(2)
  }
  await run(entry, args)
}
