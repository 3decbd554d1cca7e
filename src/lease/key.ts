import { DrillError } from '../errors.js'

/** Ids of drills and steps hold letters, digits, `.`, `_` and `-` alone; `~` parts them in the name of a file. */
export function keyOf (drillId: string, stepId: string): string {
  for (const id of [drillId, stepId]) if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(id)) throw new DrillError('internal', `"${id.slice(0, 80)}" cannot name a lease`)
  return `${drillId}~${stepId}`
}

/** A nested drill is called `PARENT.STEP`, and acts on what its parent acts on. */
export function rootOf (keyOrId: string): string {
  return keyOrId.split('~')[0]!.split('.')[0]!
}

export function isOf (key: string, drillId: string): boolean {
  return key.startsWith(`${drillId}~`)
}
