import { durationText } from '../drill/duration.js'
import type { DrillStatus } from '../drill/status.js'
import type { DrillEvent, EventOf } from '../drill/timeline.js'
import { paintOf, render, styled, type Line } from './paint.js'
import { clean, padEnd, wrap, wrapCommand } from './text.js'
import { verdictMark } from './view.js'

/** What stands below the view once a drill has ended: verdict, the sentence why, the numbers, the next commands. */
export function endingOf (status: DrillStatus, events: DrillEvent[], options: { width: number, colour: boolean }): string[] {
  if (status.verdict === undefined) return []
  const mark = verdictMark(status.verdict)
  const why = wrap(clean(status.why ?? ''), options.width - mark.text.length - 4)
  const lines: Line[] = [
    [' ', styled(mark.style, mark.text), '  ', why[0] ?? ''],
    ...why.slice(1).map((line): Line => [' '.repeat(mark.text.length + 3), line]),
    ...numbers(status, events).flatMap(([name, value]) => (value === '' ? [''] : wrap(value, options.width - 20))
      .map((line, index): Line => ['  ', styled('dim', padEnd(index === 0 ? name : '', 18)), line])),
    ...status.leftBehind.flatMap(one => wrap(clean(`left behind: ${one.title} → ${one.byHand}`), options.width - 4)).map((line): Line => ['  ', styled(['red', 'bold'], line)]),
    [],
    ...[['the whole report', `muster report ${status.drillId}`], ['as a page', `muster report ${status.drillId} --format html --out ${status.drillId}.html`], ...results(status.drillId, events)]
      .flatMap(([name, command]) => wrapCommand(command!, options.width - 20).map((line, index): Line => ['  ', styled('dim', padEnd(index === 0 ? name! : '', 18)), styled('bold', line)])),
  ]
  const paint = paintOf(options.colour)
  // Commands are never clipped, a narrow terminal breaks them itself.
  return lines.map(line => render(line, Math.max(options.width, 200), paint))
}

/** Where what a load or a suite measured is in full: the report holds its figures alone. */
function results (drillId: string, events: DrillEvent[]): Array<[string, string]> {
  return events.flatMap((event): Array<[string, string]> => {
    if (event.type === 'suite.answered') return [['what was answered', `muster result ${drillId} ${event.step} --format junit --out ${event.step}.xml`]]
    if (event.type === 'load.measured') return [['what was measured', `muster result ${drillId} ${event.step} --format html --out ${event.step}.html`]]
    return []
  })
}

function numbers (status: DrillStatus, events: DrillEvent[]): Array<[string, string]> {
  const { clock } = status
  const rows: Array<[string, string]> = []
  const error = clock.errorMs === undefined ? '' : ` ± ${durationText(clock.errorMs)}`
  if (clock.rtaTechnicalMs !== undefined) {
    const target = status.objectives.rto === undefined ? '' : `, objective ${status.objectives.rto}`
    rows.push(['recovery', `${durationText(clock.rtaTechnicalMs)}${error}${target}`])
    if (clock.rtaTechnicalWithoutWaitingMs !== undefined && (clock.decisionMs ?? 0) > 0) rows.push(['  without people', `${durationText(clock.rtaTechnicalWithoutWaitingMs)} (${durationText(clock.decisionMs!)} went into waiting for people)`])
    if (clock.rtaBusinessMs !== undefined) rows.push(['  to sign-off', durationText(clock.rtaBusinessMs)])
  } else if (clock.startedAtMs !== undefined) {
    rows.push(['recovery', 'did not recover while the drill watched'])
  }
  const parts = [
    clock.ttdMs === undefined ? undefined : `detected ${durationText(clock.ttdMs)}${clock.detectedBy === undefined ? '' : ` (${clean(clock.detectedBy)})`}`,
    clock.decisionMs === undefined ? undefined : `people ${durationText(clock.decisionMs)}`,
    clock.workMs === undefined ? undefined : `work ${durationText(clock.workMs)}`,
    clock.verificationMs === undefined ? undefined : `verification ${durationText(clock.verificationMs)}`,
  ].filter(part => part !== undefined)
  if (parts.length > 0) rows.push(['where it went', parts.join(' · ')])
  const loss = events.findLast((event): event is EventOf<'check.answered'> => event.type === 'check.answered' && event.loss !== undefined)?.loss
  if (loss) {
    const extra = [
      loss.unknown > 0 ? `${loss.unknown} in doubt, ${loss.unknownPresent} of them there` : undefined,
      loss.doubled > 0 ? `${loss.doubled} there twice` : undefined,
      loss.witness.outcome === 'agrees' ? 'the failed node’s own log agrees' : loss.witness.outcome === 'disagrees' ? 'the failed node’s own log DISAGREES' : 'no second witness',
    ].filter(part => part !== undefined)
    rows.push(['lost writes', `${loss.lost} of ${loss.acked} acknowledged${loss.lost > 0 ? `, RPA ${durationText(loss.rpaMs)}` : ''} (${extra.join('; ')})`])
  }
  const undone = status.ledger.filter(line => line.state === 'undone' || line.state === 'already').length
  if (status.ledger.length > 0) rows.push(['put back', `${undone} of ${status.ledger.length}${undone > 0 ? ', verified' : ''}`])
  return rows.length > 0 ? [['', ''], ...rows] : []
}
