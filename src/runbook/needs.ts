import type { Environment } from '../drill/environment.js'
import type { DrillInput } from '../drill/input.js'
import { allSteps, isSkipped, suiteNameOf, type Runbook } from '../drill/runbook.js'
import type { Catalog } from './catalog.js'

/**
 * The scenarios and suites that the load and suite steps of a drill take along, so that an edit never changes one that runs. Where a nested
 * runbook's parameters decide which it is, all that are there.
 * @param runbooks filled in as far as they can be
 * @throws DrillError `scenario.unknown`, `scenario.invalid`, `suite.unknown`, `suite.invalid`
 */
export function needsOf (catalog: Pick<Catalog, 'scenario' | 'scenarios' | 'suite' | 'suites'>, runbooks: readonly Runbook[], environment: Environment): Pick<DrillInput, 'scenarios' | 'behaviours' | 'suites'> {
  const steps = runbooks.flatMap(runbook => allSteps(runbook.steps)).filter(step => !isSkipped(step))
  const named = (names: string[], all: ReadonlyArray<{ name: string, value?: unknown }>): string[] =>
    names.some(name => name.includes('{{')) ? all.filter(({ value }) => value !== undefined).map(({ name }) => name) : [...new Set(names)]
  const scenarios = named(steps.flatMap(step => step.kind === 'load' ? [step.scenario] : []), catalog.scenarios).map(name => catalog.scenario(name))
  const suites = named(steps.flatMap(step => step.kind === 'suite' ? [suiteNameOf(step, environment)] : []), catalog.suites).map(name => catalog.suite(name).value)
  return {
    ...(scenarios.length === 0
      ? {}
      : {
          scenarios: Object.fromEntries(scenarios.map(({ scenario: { value } }) => [value.name, value])),
          behaviours: Object.fromEntries(scenarios.map(({ behaviour: { value } }) => [value.name, value])),
        }),
    ...(suites.length === 0 ? {} : { suites: Object.fromEntries(suites.map(suite => [suite.name, suite])) }),
  }
}
