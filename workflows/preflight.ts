import type { DrillInput } from '../src/drill/input.js'
import type { Refusal } from '../src/drill/timeline.js'
import { activitiesIn } from './activities.js'

/** What would refuse a start now, asked from where the environment's workers sit. Read-only. */
export async function preflight (input: DrillInput): Promise<Refusal[]> {
  return await activitiesIn(input.environment.taskQueue).preflight(input)
}
