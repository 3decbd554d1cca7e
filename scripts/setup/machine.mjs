// What the machine has: its system, and programs that are installed already.
import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { command, lastWords } from './command.mjs'

/** MUSTER_OS_RELEASE names another os-release file, so that the refusal can be tested. */
export function system (env = process.env) {
  let text = ''
  try {
    text = readFileSync(env.MUSTER_OS_RELEASE ?? '/etc/os-release', 'utf8')
  } catch {}
  const field = name => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1]
  const name = field('PRETTY_NAME') ?? field('ID') ?? process.platform
  const known = process.platform === 'linux' && process.arch === 'x64'
  return {
    name: `${name} (${process.platform} ${process.arch})`,
    linux: known,
    debian: known && field('ID') === 'debian' && field('VERSION_ID') === '12' && onPath('apt-get') !== undefined && onPath('dpkg-deb') !== undefined,
  }
}

export function onPath (name, path = process.env.PATH ?? '') {
  for (const dir of path.split(delimiter)) if (dir && runnable(join(dir, name))) return join(dir, name)
  return undefined
}

export function runnable (path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile() && nobodyReaches(path)
  } catch {
    return false
  }
}

/** Root may run what lies under /root, but the lab starts every server as nobody. */
export function nobodyReaches (path) {
  if (process.getuid?.() !== 0) return true
  for (let at = realpathSync(path); ; at = dirname(at)) {
    if (!(statSync(at).mode & 0o001)) return false
    if (at === dirname(at)) return true
  }
}

/** The version that a program prints, or why it gives none. */
export async function probe (path, args = ['--version'], env = {}) {
  const { code, all } = await command(path, args, { env: { ...process.env, ...env }, timeout: 20_000 })
  if (code !== 0) return { fault: lastWords(all, 1) || `exit ${code}` }
  const version = /\b[vV=]?(\d+\.\d+(?:\.\d+)?)|\b(git)\b/.exec(all)
  return version ? { version: version[1] ?? version[2] } : { fault: `prints no version: ${lastWords(all, 1)}` }
}
