import { durationText } from '../../drill/duration.js'
import { answerOf, type SmokeCheck } from '../check.js'
import { runSteps } from '../steps.js'

/** HTTP steps of YAML: health pages, sign-up, shopping, what an admin may. */
export const journey: SmokeCheck<'journey'> = async ({ steps }, context) => {
  const done = await runSteps(steps, context)
  return answerOf(done.flaws, `${steps.length} steps in ${durationText(done.ms)}`, 'every step as its expectations say', { ...done.rest, values: { ms: done.ms } })
}
