import { closeSync, existsSync, lstatSync, openSync, readdirSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { SealedConfiguration } from '../../src/drill/recovery.js'
import { DrillError, messageOf } from '../../src/errors.js'
import type { StepContext } from '../action.js'
import { removeScratch, scratchOf } from './scratch.js'

/** TMPFS_MAGIC and RAMFS_MAGIC of linux/magic.h. */
const memoryFileSystems = [0x01021994, 0x858458f6]

/** Where opened secrets may lie. Throws `scratch.notMemory` for a folder that is on a disk: what is wiped there is not gone. */
export function memoryOf ({ memoryDir = '/dev/shm' }: Pick<SealedConfiguration, 'memoryDir'>): string {
  let type: number
  try {
    type = statfsSync(memoryDir).type
  } catch (error) {
    throw new DrillError('scratch.notMemory', `${memoryDir} cannot be used for opened secrets: ${messageOf(error)}`)
  }
  if (!memoryFileSystems.includes(type)) throw new DrillError('scratch.notMemory', `${memoryDir} lies on a disk, not in memory: secrets that are opened there could be found later`)
  return memoryDir
}

/** Overwrites and removes the step's opened secrets. Their being gone is fine. */
export function wipe (memoryDir: string, context: Pick<StepContext, 'drillId' | 'stepId'>): 'removed' | 'already' {
  const folder = scratchOf(memoryDir, context)
  if (existsSync(folder)) overwrite(folder)
  return removeScratch(memoryDir, context)
}

function overwrite (folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) overwrite(path)
    // The marker says whose the folder is, and is needed to the end.
    else if (entry.isFile() && entry.name !== '.muster-scratch') zero(path)
  }
}

function zero (path: string): void {
  const handle = openSync(path, 'r+')
  try {
    const size = lstatSync(path).size
    const zeros = Buffer.alloc(Math.min(size, 65_536))
    for (let at = 0; at < size; at += zeros.length) writeSync(handle, zeros, 0, Math.min(zeros.length, size - at), at)
  } finally {
    closeSync(handle)
  }
}
