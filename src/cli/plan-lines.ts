import { durationText } from '../drill/duration.js'
import type { DrillPlan } from '../drill/plan.js'
import type { Paint } from './paint.js'
import { clean, padEnd } from './text.js'

const verified = {
  verified: 'verified: this very runbook passed its last drill here',
  changed: 'changed since its last passing drill here',
  never: 'no drill of it has passed here yet',
} as const

/** What a drill would do, as text: each step with its undo, its people and how long it should take. */
export function planLines (plan: DrillPlan, paint: Paint): string[] {
  const total = plan.steps.reduce((sum, step) => sum + (step.skipped === undefined && step.parent === undefined ? step.expectedMs ?? 0 : 0), 0)
  const number = new Map(plan.steps.filter(step => step.parent === undefined).map((step, index) => [step.id, index + 1]))
  return [
    `${paint('bold', clean(plan.title))} on ${paint('bold', plan.environment.toUpperCase())}`,
    paint('dim', `${plan.runbook} ${plan.runbookHash.slice(0, 12)}, ${verified[plan.verified]}`),
    '',
    ...plan.steps.flatMap(step => {
      const mark = step.parent === undefined ? padEnd(`${number.get(step.id)}.`, 4) : '    – '
      const time = step.expectedMs === undefined ? '' : paint('dim', `  about ${durationText(step.expectedMs)}${step.expectedFrom === 'earlier drills' ? ' (median of earlier drills)' : ''}`)
      const under = [
        step.skipped === undefined ? undefined : `skipped: ${step.skipped}`,
        step.people === undefined ? undefined : `⧖ ${step.people}`,
        step.undo === undefined ? undefined : `↶ ${step.undo}`,
      ].filter(line => line !== undefined)
      return [` ${mark}${paint('bold', step.id)}  ${clean(step.title)}${time}`, ...under.map(line => `       ${paint('dim', clean(line))}`)]
    }),
    '',
    ...total > 0 ? [paint('dim', `about ${durationText(total)} in all`)] : [],
    ...plan.problems.length === 0
      ? [`${paint('green', '✓')} it could start now`, `→ muster start ${plan.runbook} --env ${plan.environment}`]
      : [paint(['red', 'bold'], 'it would be refused now:'), ...plan.problems.map(problem => `  ${paint('red', '✗')} ${clean(problem.message)}`)],
  ]
}
