import type { Environment } from '../drill/environment.js'
import type { Behaviour, LoadScenario } from '../drill/load.js'
import type { Runbook } from '../drill/runbook.js'
import type { Suite } from '../drill/suite.js'
import { checkEnvironment } from './check-environment.js'
import { EnvironmentSchema } from './inventory-schema.js'
import { BehaviourSchema, ScenarioSchema } from './load-schema.js'
import { errorsOf, inOrder, type Problem } from './problem.js'
import { checkBehaviour } from './rules/load.js'
import { RunbookSchema } from './schema.js'
import { checkSuite } from './rules/suite.js'
import { SuiteSchema } from './suite-schema.js'
import { readSource, type Source } from './source.js'
import { validator } from './validator.js'
import type { TSchema } from 'typebox'

/** A file that was read. `value` is there only where it fits its schema; `problems` may have more to say of it then. */
export interface Loaded<T> {
  name: string
  file: string
  /** SHA-256 of the bytes, hex. */
  hash: string
  value?: T
  problems: Problem[]
  problemAt: Source['problemAt']
}

const maxSteps = 500
const maxProblems = 100

/**
 * Reads one runbook and holds it against its schema; checkRunbook() says what a schema cannot. Throws `input.invalid` (the name, or no
 * such file) and `input.tooLarge`; everything else is in `problems`.
 */
export async function loadRunbook (file: string): Promise<Loaded<Runbook>> {
  const source = await readSource(file)
  const steps = countSteps((source.value as { steps?: unknown } | undefined)?.steps)
  if (steps > maxSteps) {
    source.problems.push(source.problemAt('/steps', `${steps} steps; the limit is ${maxSteps}`))
    source.value = undefined
  }
  return validated<Runbook>(source, RunbookSchema)
}

/** Reads one environment and fills in what it leaves out: task queue `muster`, no break-glass, no swapped roles. Throws as loadRunbook(). */
export async function loadEnvironment (file: string): Promise<Loaded<Environment>> {
  const loaded = validated<Environment>(await readSource(file), EnvironmentSchema)
  const { value } = loaded
  if (!value) return loaded
  checkEnvironment(value, (pointer, message, hint) => loaded.problems.push(loaded.problemAt(pointer, message, hint)))
  loaded.value = {
    ...value,
    taskQueue: value.taskQueue ?? 'muster',
    breakGlass: value.breakGlass ?? false,
    ...(value.database ? { database: { ...value.database, swappedRolesAllowed: value.database.swappedRolesAllowed ?? false } } : {}),
  }
  return loaded
}

/** Reads one smoke suite. Throws as loadRunbook(). */
export async function loadSuite (file: string): Promise<Loaded<Suite>> {
  const loaded = validated<Suite>(await readSource(file), SuiteSchema)
  if (loaded.value) checkSuite(loaded.value, (pointer, message, hint) => loaded.problems.push(loaded.problemAt(pointer, message, hint)))
  return loaded
}

/** Reads one load scenario; checkScenario() says what takes the others to know. Throws as loadRunbook(). */
export async function loadScenario (file: string): Promise<Loaded<LoadScenario>> {
  return validated<LoadScenario>(await readSource(file), ScenarioSchema)
}

/** Reads what the users of a load do. Throws as loadRunbook(). */
export async function loadBehaviour (file: string): Promise<Loaded<Behaviour>> {
  const loaded = validated<Behaviour>(await readSource(file), BehaviourSchema)
  if (loaded.value) checkBehaviour(loaded.value, (pointer, message, hint, options) => loaded.problems.push(loaded.problemAt(pointer, message, hint, options)))
  return loaded
}

/** Whether a file can be used. */
export function isSound<T> (loaded: Loaded<T>): loaded is Loaded<T> & { value: T } {
  return loaded.value !== undefined && errorsOf(loaded.problems).length === 0
}

function validated<T extends { name: string }> (source: Source, schema: TSchema): Loaded<T> {
  const loaded: Loaded<T> = { name: source.name, file: source.file, hash: source.hash, problems: source.problems, problemAt: source.problemAt }
  if (source.value === undefined) return loaded
  const { value } = source
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    loaded.problems.push(source.problemAt('', value === null ? 'the file is empty' : 'the file holds no mapping'))
    return loaded
  }
  const named = Object.hasOwn(value, 'name') ? value : { name: source.name, ...value }
  const flaws = validator(schema)(named)
  for (const { pointer, message, hint, atKey } of flaws.slice(0, maxProblems)) loaded.problems.push(source.problemAt(pointer, message, hint, { atKey }))
  inOrder(loaded.problems)
  if (flaws.length > 0) return loaded
  loaded.value = named as T
  if (loaded.value.name !== source.name) loaded.problems.push(source.problemAt('/name', `is named "${loaded.value.name}" in a file that is named "${source.name}"`, 'leave the name out'))
  return loaded
}

/** Of a value that nothing has validated yet. */
function countSteps (steps: unknown): number {
  if (!Array.isArray(steps)) return 0
  return steps.reduce<number>((sum, step) => sum + 1 + branchesOf(step).reduce<number>((inner, branch) => inner + countSteps(branch), 0), 0)
}

function branchesOf (step: unknown): unknown[] {
  const branches = step !== null && typeof step === 'object' ? (step as { branches?: unknown }).branches : undefined
  return Array.isArray(branches) ? branches : []
}
