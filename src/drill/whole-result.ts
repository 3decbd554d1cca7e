import type { LoadResult } from './load.js'
import type { SuiteRun } from './suite.js'

/** The whole result of a step that measures: what of it enters the history is a summary. */
export type WholeResult = { step: string } & ({ kind: 'load', result: LoadResult } | { kind: 'suite', result: SuiteRun })
