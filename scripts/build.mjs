// npm run build: dist/, made aside and swapped in whole.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { command } from './setup/command.mjs'
import { SetupFault } from './setup/fault.mjs'
import { step } from './setup/progress.mjs'

const compiled = ['src', 'workflows', 'activities']
// Read by code at a place beside its own, so they must lie at the same place beside the built code.
const copied = ['migrations', 'package.json']
const settings = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs']

export function buildFresh (root) {
  try {
    return readFileSync(join(root, 'dist/.stamp'), 'utf8') === stampOf(root)
  } catch {
    return false
  }
}

/** Names, sizes and times of all sources: also sees a file that was removed or put back. */
function stampOf (root) {
  const hash = createHash('sha256')
  for (const path of [...compiled, ...copied, ...settings].sort()) note(hash, root, path)
  return hash.digest('hex')
}

function note (hash, root, path) {
  const stat = statSync(join(root, path), { throwIfNoEntry: false })
  if (stat?.isDirectory()) {
    for (const name of readdirSync(join(root, path)).sort()) note(hash, root, `${path}/${name}`)
  } else if (stat) {
    hash.update(`${path} ${stat.size} ${stat.mtimeMs}\n`)
  }
}

/** `types: false` leaves the checking of types to `npm test` and `npm run build`, which makes setup quicker. */
export async function build (root, { tell = () => {}, types = true } = {}) {
  const stamp = stampOf(root)
  clearKilled(root)
  const fresh = join(root, `dist.new-${process.pid}`)
  try {
    rmSync(fresh, { recursive: true, force: true })
    mkdirSync(fresh)
    tell('compiling')
    await compile(root, fresh, types)
    for (const dir of compiled) copyOthers(join(root, dir), join(fresh, dir))
    for (const path of copied) if (existsSync(join(root, path))) cpSync(join(root, path), join(fresh, path), { recursive: true })
    const bundled = await bundle(fresh, tell)
    writeFileSync(join(fresh, '.stamp'), stamp)
    // Two renames and only then the slow removal: whoever starts in this moment finds a whole dist/.
    const old = join(root, `dist.old-${process.pid}`)
    if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), old)
    renameSync(fresh, join(root, 'dist'))
    rmSync(old, { recursive: true, force: true })
    return bundled
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** What builds left behind that were killed in the middle. */
function clearKilled (root) {
  for (const name of readdirSync(root)) {
    const pid = /^dist\.(?:new|old)-(\d+)$/.exec(name)?.[1]
    if (pid && !existsSync(`/proc/${pid}`)) rmSync(join(root, name), { recursive: true, force: true })
  }
}

async function compile (root, outDir, types) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const args = ['-p', join(root, 'tsconfig.build.json'), '--outDir', outDir, ...(types ? ['--noEmitOnError'] : ['--noCheck'])]
  const { code, all } = await command(process.execPath, [tsc, ...args], { cwd: root })
  if (code !== 0) throw new SetupFault(`The build failed, dist/ is as it was: mend these, then run npm run build again\n${all.trim()}`)
}

function copyOthers (from, to) {
  if (!existsSync(from)) return
  cpSync(from, to, { recursive: true, filter: path => statSync(path).isDirectory() || !/\.ts$/.test(path) })
}

/** Workflows bundled once here instead of at each start of a worker. */
async function bundle (dir, tell) {
  const workflowsPath = join(dir, 'workflows/index.js')
  if (!existsSync(workflowsPath)) return undefined
  tell('bundling the workflows')
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker')
  const said = []
  const logger = new DefaultLogger('ERROR', ({ message }) => said.push(message))
  try {
    const { code } = await bundleWorkflowCode({ workflowsPath, logger })
    writeFileSync(join(dir, 'workflow-bundle.js'), code)
    return `workflows ${Math.round(code.length / 1000)} kB`
  } catch (error) {
    // webpack says much; its lines of this form say which file lacks what.
    const essence = said.join('\n').split('\n').filter(line => /^(ERROR in|Module not found|.*Error:)/.test(line)).map(line => line.replaceAll(basename(dir), 'dist'))
    throw new SetupFault(`The workflows could not be bundled, dist/ is as it was: mend this, then run npm run build again\n${essence.join('\n') || error.message}`)
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  try {
    await step('build', tell => build(root, { tell }))
  } catch (error) {
    if (!(error instanceof SetupFault)) throw error
    console.error(error.message)
    process.exitCode = error.exitCode
  }
}
