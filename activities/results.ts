import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { retrying } from '../src/control/until.js'
import type { WholeResult } from '../src/drill/whole-result.js'
import { messageOf } from '../src/errors.js'

/** The whole result of a step, on its way to the store. */
export type ResultOnItsWay = { drillId: string } & WholeResult

export interface Results {
  /** Whether it is in the store; where not, it lies on this worker, and ship() brings it there later. */
  keep: (result: ResultOnItsWay) => Promise<boolean>
  /** Brings what lies here to the store, once at a time. Throws nothing. */
  ship: () => Promise<void>
}

export interface ResultsDeps {
  /** Folder of this worker that outlives it. */
  dataDir: string
  /** Idempotent by the result's run. */
  save: (result: ResultOnItsWay) => Promise<void>
  log: (message: string, fields?: Record<string, unknown>) => void
  /** How long a step waits for the store, ms: a store that is away delays no drill. Default 10 s. */
  patienceMs?: number
}

const pauseMs = 500

/** Results are written to a file before they go to the store: an hour's load is not lost because the store is away when it ends. */
export function resultsIn ({ dataDir, save, log, patienceMs = 10_000 }: ResultsDeps): Results {
  const folder = join(dataDir, 'results')
  let shipping: Promise<void> | undefined

  async function shipOne (file: string): Promise<void> {
    await save(JSON.parse(await readFile(file, 'utf8')) as ResultOnItsWay)
    await rm(file, { force: true })
  }

  async function shipAll (): Promise<void> {
    const waiting = (await readdir(folder).catch(() => [])).filter(name => name.endsWith('.json'))
    for (const name of waiting) {
      await shipOne(join(folder, name)).catch((error: unknown) => { log('a result still waits for the store', { file: name, reason: messageOf(error) }) })
    }
  }

  return {
    async keep (result) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const file = join(folder, `${result.result.runId}.json`)
      await writeFile(`${file}.new`, JSON.stringify(result), { mode: 0o600 })
      await rename(`${file}.new`, file)
      try {
        await retrying(async () => { await shipOne(file) }, { everyMs: pauseMs, deadlineMs: patienceMs })
        return true
      } catch (error) {
        log('a result waits for the store', { drillId: result.drillId, step: result.step, file, reason: messageOf(error) })
        return false
      }
    },
    async ship () {
      shipping ??= shipAll().finally(() => { shipping = undefined })
      await shipping
    },
  }
}
