import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Outcome } from './case.js'
import { tried, type Stage } from './stage.js'

/**
 * Keeps what tells why a case broke, before its stage is taken down: the drill's record, the tries of its activities, and every log of
 * Muster and the lab.
 * @returns the folder, below `.muster/chaos/broken`
 */
export async function keepEvidence (stage: Stage, outcome: Outcome): Promise<string> {
  const folder = join('.muster/chaos/broken', outcome.drillId ?? `unknown-${Date.now()}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'outcome.json'), `${JSON.stringify(outcome, null, 2)}\n`)
  writeFileSync(join(folder, 'calls.jsonl'), stage.calls().map(call => `${JSON.stringify(call)}\n`).join(''))
  for (const logs of ['dev', 'dev/store', 'labs/lab/log']) {
    const from = join(stage.root, logs)
    for (const file of existsSync(from) ? readdirSync(from).filter(name => name.endsWith('.log')) : []) {
      const to = join(folder, logs, file)
      mkdirSync(dirname(to), { recursive: true })
      cpSync(join(from, file), to)
    }
  }
  if (outcome.drillId !== undefined) {
    const record = await tried(async () => await stage.ana.get(`/v1/drills/${outcome.drillId}/export`), 10_000).catch((error: unknown) => ({ notThere: String(error) }))
    writeFileSync(join(folder, 'record.json'), `${JSON.stringify(record, null, 1)}\n`)
  }
  return folder
}
