// The Temporal CLI (server, database and UI in one program), through the first door that opens.
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { demandHash, hashOfFile } from './download.mjs'
import { SetupFault } from './fault.mjs'
import { onPath, probe, runnable } from './machine.mjs'
import { temporalDoors } from './temporal-doors.mjs'

function temporalPath (cache, pin) {
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
export async function getTemporal (cache, pin, tell, doors = temporalDoors) {
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
