// The lab's servers: the machine's own where they run and have the version, else Debian's packages in the cache.
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { command } from './command.mjs'
import { treeDir } from './debian.mjs'
import { SetupFault } from './fault.mjs'
import { onPath, probe, runnable } from './machine.mjs'

const libraryDirs = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu']

/** Tools of a family that are there already, as `{ name: { path, version, env } }`; undefined where one is missing. */
export async function findFamily (cache, name, family) {
  return await onMachine(family) ?? await inTree(treeDir(cache, name), family)
}

async function onMachine (family) {
  const path = [...family.dirs, ...(family.onPath === false ? [] : (process.env.PATH ?? '').split(':'))].join(':')
  const found = {}
  for (const [tool, names] of Object.entries(family.tools)) {
    const program = [names].flat().map(one => onPath(one, path)).find(Boolean)
    if (!program) return undefined
    found[tool] = program
  }
  return describe(found, family)
}

async function inTree (dir, family) {
  const found = {}
  for (const [tool, names] of Object.entries(family.tools)) {
    const program = [names].flat().flatMap(one => [...family.dirs, '/usr/bin', '/usr/sbin'].map(place => join(dir, place, one))).find(runnable)
    if (!program) return undefined
    found[tool] = program
  }
  const libraries = libraryDirs.map(one => join(dir, one)).filter(existsSync)
  const programs = [...Object.values(found), ...(family.modules ?? []).map(one => join(dir, one))]
  const lacking = await missingLibraries(programs, {})
  if (lacking.length > 0) {
    const still = await missingLibraries(programs, { LD_LIBRARY_PATH: libraries.join(':') })
    if (still.length > 0) throw new SetupFault(`${Object.keys(found)[0]} in ${dir} lacks ${still.join(', ')}: install the Debian packages that hold them, then run npm run setup again`)
    // A wrapper rather than an environment to pass on: PostgreSQL starts pgBackRest through a shell of its own.
    for (const place of new Set(Object.values(found).map(dirname))) {
      for (const name of readdirSync(place)) wrap(dir, join(place, name), libraries)
    }
    for (const [tool, program] of Object.entries(found)) found[tool] = join(dir, 'bin', basename(program))
  }
  const described = await describe(found, family)
  if (!described) throw new SetupFault(`${family.packages.join(' ')} was unpacked in ${dir}, but does not run there or has another version than ${family.major.source}: remove that folder and run npm run setup again`)
  return described
}

async function describe (found, family) {
  const tools = {}
  const all = await Promise.all(Object.entries(found).map(async ([tool, path]) => [tool, path, await ask(path, family, family.silent?.[tool])]))
  const first = all[0]?.[2]
  for (const [tool, path, said] of all) {
    const version = said === 'silent' ? first : said
    if (!version || !family.major.test(version)) return undefined
    tools[tool] = { path, version, env: {} }
  }
  return tools
}

async function ask (path, family, silent) {
  if (!silent) return (await probe(path, family.args)).version
  const { all } = await command(path, silent.args, { timeout: 20_000 })
  return silent.says.test(all) ? 'silent' : undefined
}

async function missingLibraries (programs, env) {
  const { stdout } = await command('ldd', programs.filter(existsSync), { env: { ...process.env, ...env, LC_ALL: 'C' } })
  const missing = [...stdout.matchAll(/^\s*(\S+) => not found/gm)].map(([, library]) => library)
  return [...new Set(missing)]
}

function wrap (tree, program, libraries) {
  const dir = join(tree, 'bin')
  mkdirSync(dir, { recursive: true, mode: 0o755 })
  const path = join(dir, basename(program))
  writeFileSync(`${path}.new`, [
    '#!/bin/sh',
    `LD_LIBRARY_PATH='${libraries.join(':')}'\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}`,
    'export LD_LIBRARY_PATH',
    `exec '${program}' "$@"`,
    '',
  ].join('\n'))
  chmodSync(`${path}.new`, 0o755)
  renameSync(`${path}.new`, path)
}
