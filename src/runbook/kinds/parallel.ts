import Type, { type TSchema } from 'typebox'
import type { ParallelStep, Step } from '../../drill/runbook.js'
import { list, matching } from '../pieces.js'
import { stepSchema, type Kind } from './kind.js'

const about = 'Runs branches side by side, the steps of one branch in order.'

/** Any step; the union itself lies in the runbook's schema. */
export const StepRef = Type.Unsafe<Step>({ $ref: '#/$defs/Step' } as TSchema)

export const parallel: Kind<ParallelStep> = {
  about,
  schema: matching<ParallelStep>()(stepSchema('parallel', about, {
    branches: list(list(StepRef, 'Steps of one branch.', { minItems: 1 }), 'The branches.', { minItems: 1, maxItems: 20 }),
  })),
  hasOutput: false,
}
