import type { Refusal } from '../src/drill/timeline.js'
import { messageOf } from '../src/errors.js'

/** Reasons against a start, or that they could not be asked, which is one too: blind is never a pass. @param what begins "… could not be asked" */
export async function orBlind (what: string, ask: () => Promise<Refusal[]>): Promise<Refusal[]> {
  try {
    return await ask()
  } catch (error) {
    return [{ code: 'preflight.blind', message: `${what} could not be asked: ${messageOf(error)}` }]
  }
}
