import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DrillError } from '../../src/errors.js'
import type { StepContext } from '../action.js'

/** Names the drill and step that a folder belongs to. It lies beside what is in there, so that a folder of somebody else is never removed. */
const marker = '.muster-scratch'

/** The folder of one step of one drill: the same at every try. */
export function scratchOf (scratchDir: string, { drillId, stepId }: Pick<StepContext, 'drillId' | 'stepId'>): string {
  return join(resolve(scratchDir), `muster-${drillId}-${stepId}`.replaceAll(/[^\w.-]/g, '_'))
}

/**
 * The step's own empty folder; what an earlier try left in it is gone. Throws `scratch.notOurs` where something else is there, and
 * `scratch.full` where fewer than `needBytes` are free: asked before, not found out half-way.
 */
export function makeScratch (scratchDir: string, context: Pick<StepContext, 'drillId' | 'stepId'>, needBytes = 0, mode = 0o700): string {
  const folder = scratchOf(scratchDir, context)
  removeScratch(scratchDir, context)
  mkdirSync(scratchDir, { recursive: true, mode: 0o711 })
  const { bavail, bsize } = statfsSync(scratchDir)
  if (bavail * bsize < needBytes) {
    throw new DrillError('scratch.full', `${scratchDir} has ${megabytes(bavail * bsize)} free, and ${megabytes(needBytes)} are needed`)
  }
  mkdirSync(folder, { mode })
  writeFileSync(join(folder, marker), ownerText(context), { mode: 0o600 })
  return folder
}

/** Removes the step's folder; its being gone is fine. Throws `scratch.notOurs` where the folder is somebody else's. */
export function removeScratch (scratchDir: string, context: Pick<StepContext, 'drillId' | 'stepId'>): 'removed' | 'already' {
  const folder = scratchOf(scratchDir, context)
  if (!existsSync(folder)) return 'already'
  const file = join(folder, marker)
  const isOurs = existsSync(file) ? readFileSync(file, 'utf8') === ownerText(context) : readdirSync(folder).length === 0
  if (!isOurs) throw new DrillError('scratch.notOurs', `${folder} is there already and was not made by this step: it is not touched`)
  // The marker goes last: a removal that is killed half-way can be taken up.
  for (const entry of readdirSync(folder)) if (entry !== marker) rmSync(join(folder, entry), { recursive: true, force: true })
  rmSync(folder, { recursive: true, force: true })
  return 'removed'
}

function ownerText ({ drillId, stepId }: Pick<StepContext, 'drillId' | 'stepId'>): string {
  return `${drillId} ${stepId}\n`
}

export function megabytes (bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`
}
