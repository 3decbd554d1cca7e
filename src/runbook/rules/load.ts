import { tryDurationMs } from '../../drill/duration.js'
import type { HttpStep } from '../../drill/journey.js'
import type { Behaviour, LoadScenario, LoadThreshold } from '../../drill/load.js'
import { didYouMean } from '../nearest.js'
import { isZero } from './time.js'

type Report = (pointer: string, message: string, hint?: string, options?: { atKey?: boolean }) => void

/** What a schema cannot say about what users do. */
export function checkBehaviour ({ userTypes }: Behaviour, report: Report): void {
  for (const [type, { start = [], tasks }] of Object.entries(userTypes)) {
    const at = `/userTypes/${type}`
    if (tasks.every(({ weight }) => weight === 0)) report(`${at}/tasks`, `every task of ${type} has weight 0, so none is ever drawn`, 'give one a weight above 0')
    for (const [index, step] of start.entries()) checkStep(step, `${at}/start/${index}`, report)
    for (const [task, { steps }] of tasks.entries()) {
      for (const [index, step] of steps.entries()) checkStep(step, `${at}/tasks/${task}/steps/${index}`, report)
    }
  }
}

/** A step of a load is one request at its time, to the one address that may be loaded. */
function checkStep ({ request, until, expect }: HttpStep, at: string, report: Report): void {
  if (/^https?:/.test(request.path)) report(`${at}/request/path`, 'a load goes to its target alone', 'a path that starts with /')
  if (request.follow === true) report(`${at}/request/follow`, 'a load follows no redirect: each answer counts', 'a step for each address')
  if (request.timeout !== undefined) report(`${at}/request/timeout`, 'the scenario’s timeout holds for every request')
  if (until !== undefined) report(`${at}/until`, 'a load does not ask again: the pace decides when')
  if (expect?.certificate !== undefined) report(`${at}/expect/certificate`, 'a certificate is looked at by a smoke check, not by a load')
}

/** What a schema cannot say about a scenario. @param behaviours those that are sound @param names all that are there */
export function checkScenario (scenario: LoadScenario, behaviours: ReadonlyMap<string, Behaviour>, names: readonly string[], report: Report): void {
  const { users, levels, mix, thresholds } = scenario
  for (const field of ['runTime', 'every', 'timeout'] as const) if (isZero(scenario[field])) report(`/${field}`, `${field} is nothing`, 'a time above 0')
  if ((tryDurationMs(scenario.every) ?? 1000) < 10) report('/every', 'a user that asks more often than every 10 ms is no user', 'more users')
  if (levels && levels.users > users) report('/levels/users', `the first load has ${levels.users} users, and there are ${users}`)
  if (levels && isZero(levels.every)) report('/levels/every', 'holds each load for no time')
  if (levels && (tryDurationMs(levels.every) ?? 0) * Math.ceil(users / levels.users) > (tryDurationMs(scenario.runTime) ?? Infinity)) {
    report('/levels', `${Math.ceil(users / levels.users)} loads of ${levels.every} do not fit into ${scenario.runTime}`, 'a longer runTime, or fewer loads')
  }
  if (Object.values(mix).every(share => share === 0)) report('/mix', 'every share is 0, so there are no users', 'give one a share above 0')
  if (!names.includes(scenario.behaviour)) report('/behaviour', `there is no load/users/${scenario.behaviour}.yaml`, didYouMean(scenario.behaviour, names))
  const behaviour = behaviours.get(scenario.behaviour)
  for (const type of Object.keys(mix)) {
    if (behaviour && !Object.hasOwn(behaviour.userTypes, type)) report(`/mix/${type}`, `${scenario.behaviour} has no users "${type}"`, didYouMean(type, Object.keys(behaviour.userTypes)), { atKey: true })
  }
  for (const [index, threshold] of thresholds.entries()) checkThreshold(threshold, scenario, behaviour, (path, message, hint) => report(`/thresholds/${index}${path}`, message, hint))
}

function checkThreshold (threshold: LoadThreshold, { mix }: LoadScenario, behaviour: Behaviour | undefined, report: Report): void {
  const { metric, stat, atMost, atLeast, endpoint, userType, abortOnFail, window, grace } = threshold
  if (atMost === undefined && atLeast === undefined) report('', 'demands nothing', 'add atMost or atLeast')
  if (stat !== undefined && metric !== 'responseMs' && metric !== 'serviceMs') report('/stat', `${metric} has no ${stat}`, 'only responseMs and serviceMs have')
  for (const [field, value] of Object.entries({ atMost, atLeast })) {
    if (metric.endsWith('Share') && value !== undefined && value > 1) report(`/${field}`, `${metric} is a share from 0 to 1`, `${value} % is ${value / 100}`)
  }
  if (metric === 'missedShare' && (endpoint ?? userType) !== undefined) report(endpoint === undefined ? '/userType' : '/endpoint', 'what was missed was never sent, and is counted for all together')
  if (userType !== undefined && !((mix[userType] ?? 0) > 0)) report('/userType', `there are no users "${userType}" in the mix`, didYouMean(userType, Object.keys(mix)))
  if (abortOnFail !== true && (window ?? grace) !== undefined) report(window === undefined ? '/grace' : '/window', 'is used by abortOnFail only')
  if ((tryDurationMs(window) ?? 0) > 60_000) report('/window', 'looks back further than a minute', 'at most 60s')
  if (behaviour === undefined || endpoint === undefined) return
  const present = Object.entries(behaviour.userTypes).filter(([type]) => (mix[type] ?? 0) > 0).map(([, type]) => type)
  const endpoints = present.flatMap(({ start = [], tasks }) => [...start, ...tasks.flatMap(task => task.steps)]).map(step => step.name)
  if (!endpoints.includes(endpoint)) report('/endpoint', `none of these users asks for "${endpoint}"`, didYouMean(endpoint, [...new Set(endpoints)]))
}
