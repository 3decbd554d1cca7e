import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../drill/environment.js'
import type { Behaviour, LoadScenario } from '../drill/load.js'
import { allSteps, type Runbook } from '../drill/runbook.js'
import type { Suite } from '../drill/suite.js'
import { DrillError, messageOf, type ErrorCode } from '../errors.js'
import { checkRunbook, type Known } from './check.js'
import { isSound, loadBehaviour, loadEnvironment, loadRunbook, loadScenario, loadSuite, type Loaded } from './load.js'
import { didYouMean } from './nearest.js'
import { namePattern } from './pieces.js'
import { errorsOf, inOrder, problemLine, type Problem } from './problem.js'
import { checkScenario } from './rules/load.js'

export interface CatalogDirs {
  /** Suites lie in their folder `smoke`. */
  runbookDirs: readonly string[]
  /** Searched in this order too: one of the user's, one that the lab writes. A folder that is not there holds nothing. */
  environmentDirs: readonly string[]
}

type Sound<T> = Loaded<T> & { value: T }

/** All runbooks and environments that are there, read, checked and cross-checked. */
export interface Catalog {
  /** Throws `input.invalid` (no name), `runbook.unknown`, or `runbook.invalid` with the problems as details. */
  runbook: (name: string) => Sound<Runbook>
  /** Throws `input.invalid`, `environment.unknown` or `environment.invalid`. */
  environment: (name: string) => Sound<Environment>
  /** Throws `input.invalid`, `suite.unknown` or `suite.invalid`. */
  suite: (name: string) => Sound<Suite>
  /** What a load run is made of. Throws `input.invalid`, `scenario.unknown` or `scenario.invalid`. */
  scenario: (name: string) => { scenario: Sound<LoadScenario>, behaviour: Sound<Behaviour> }
  scenarios: ReadonlyArray<Loaded<LoadScenario>>
  behaviours: ReadonlyArray<Loaded<Behaviour>>
  runbooks: ReadonlyArray<Loaded<Runbook>>
  environments: ReadonlyArray<Loaded<Environment>>
  suites: ReadonlyArray<Loaded<Suite>>
  /** The runbooks that one nests, at any depth, by name: what a drill's input takes along. Throws as runbook(). */
  nested: (runbook: Runbook) => Record<string, Runbook>
  problems: readonly Problem[]
}

/**
 * Loads every `*.yaml` of the folders. What is wrong with a file is in `problems` (and thrown when that file is asked for): one bad
 * file hides none of the others.
 */
export async function loadCatalog ({ runbookDirs, environmentDirs }: CatalogDirs, known: Pick<Known, 'holders'> = {}): Promise<Catalog> {
  const environments = await loadAll(environmentDirs, loadEnvironment)
  const runbooks = await loadAll(runbookDirs, loadRunbook)
  const suites = await loadAll(runbookDirs.map(dir => join(dir, 'smoke')), loadSuite)
  const behaviours = await loadAll(runbookDirs.map(dir => join(dir, 'load', 'users')), loadBehaviour)
  const scenarios = await loadAll(runbookDirs.map(dir => join(dir, 'load')), loadScenario)
  const soundBehaviours = new Map(behaviours.filter(isSound).map(({ name, value }) => [name, value]))
  for (const { value, problems, problemAt } of scenarios) {
    if (!value) continue
    checkScenario(value, soundBehaviours, behaviours.map(({ name }) => name), (pointer, message, hint, options) => problems.push(problemAt(pointer, message, hint, options)))
  }
  const fitting = runbooks.filter((loaded): loaded is Sound<Runbook> => loaded.value !== undefined)
  const everything: Known = {
    ...known,
    runbooks: new Map(fitting.map(({ name, value }) => [name, value])),
    runbookNames: runbooks.map(({ name }) => name),
    suites: new Map(suites.map(({ name, value }) => [name, value])),
    scenarios: new Map(scenarios.map(({ name, value }) => [name, value])),
    environments: environments.filter(isSound).map(({ value }) => value),
  }
  for (const loaded of fitting) loaded.problems.push(...checkRunbook(loaded, everything))
  const runbook = (name: string): Sound<Runbook> => pick(name, runbooks, 'runbook')
  return {
    runbook,
    environment: name => pick(name, environments, 'environment'),
    suite: name => pick(name, suites, 'suite'),
    scenario: name => {
      const scenario = pick(name, scenarios, 'scenario')
      return { scenario, behaviour: pick(scenario.value.behaviour, behaviours, 'scenario') }
    },
    scenarios,
    behaviours,
    runbooks,
    environments,
    suites,
    nested: root => nestedIn(root, name => runbook(name).value),
    problems: inOrder([...runbooks, ...environments, ...suites, ...scenarios, ...behaviours].flatMap(({ problems }) => problems)),
  }
}

async function loadAll<T> (dirs: readonly string[], load: (file: string) => Promise<Loaded<T>>): Promise<Array<Loaded<T>>> {
  const files = (await Promise.all(dirs.map(filesOf))).flat()
  const all = await Promise.all(files.map(file => load(file).catch((error: unknown) => unreadable<T>(file, error))))
  for (const [index, loaded] of all.entries()) {
    const first = all.slice(0, index).find(other => other.name === loaded.name)
    if (first) loaded.problems.push(loaded.problemAt('', `there is a "${loaded.name}" already, in ${first.file}`))
  }
  return all
}

async function filesOf (dir: string): Promise<string[]> {
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new DrillError('input.invalid', `${dir} cannot be read: ${messageOf(error)}`, { cause: error })
  })
  // What an editor leaves lying about (.x.yaml.swp, ._x.yaml) is not meant.
  return entries.filter(entry => /^[^.].*\.ya?ml$/.test(entry)).sort().map(entry => join(dir, entry))
}

function unreadable<T> (file: string, error: unknown): Loaded<T> {
  const problemAt: Loaded<T>['problemAt'] = (pointer, message, hint, { level = 'error' } = {}) => ({ level, file, line: 1, column: 1, pointer, message, ...(hint === undefined ? {} : { hint }) })
  const name = file.replace(/^.*\//, '').replace(/\.ya?ml$/, '')
  if (!(error instanceof DrillError)) throw error
  return { name, file, hash: '', problems: [problemAt('', error.message.replace(`${file} `, '').replace(`${file}: `, ''))], problemAt }
}

function pick<T> (name: string, all: Array<Loaded<T>>, what: 'runbook' | 'environment' | 'suite' | 'scenario'): Sound<T> {
  if (!new RegExp(namePattern).test(name)) throw new DrillError('input.invalid', `${JSON.stringify(name.slice(0, 80))} is no name of ${what === 'environment' ? 'an' : 'a'} ${what}`)
  const loaded = all.find(other => other.name === name)
  const hint = loaded ? undefined : didYouMean(name, all.map(other => other.name))
  if (!loaded) throw new DrillError(`${what}.unknown` satisfies ErrorCode, `there is no ${what} "${name}"${hint ? ` (${hint})` : ''}`)
  if (isSound(loaded)) return loaded
  const errors = errorsOf(loaded.problems)
  throw new DrillError(`${what}.invalid` satisfies ErrorCode, `${what} "${name}" has ${errors.length === 1 ? 'an error' : `${errors.length} errors`}: ${problemLine(errors[0]!)}`, { details: errors })
}

function nestedIn (root: Runbook, find: (name: string) => Runbook, found: Record<string, Runbook> = {}): Record<string, Runbook> {
  for (const step of allSteps(root.steps)) {
    if (step.kind !== 'runbook' || Object.hasOwn(found, step.runbook)) continue
    found[step.runbook] = find(step.runbook)
    nestedIn(found[step.runbook]!, find, found)
  }
  return found
}
