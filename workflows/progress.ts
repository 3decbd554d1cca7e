import { durationText } from '../src/drill/duration.js'
import type { DrillStatus, StepState } from '../src/drill/status.js'

const icons: Record<StepState, string> = { planned: '▫️', running: '⏳', waiting: '🙋', passed: '✅', failed: '❌', finding: '⚠️', skipped: '⏭️', aborted: '🚫' }

/** A drill as CommonMark for Temporal's UI: bullets, since not every version draws tables. At most 20,000 bytes are shown there. */
export function detailsOf (status: DrillStatus): string {
  const lines = [`**THIS IS A DRILL** · ${status.runbookTitle} · ${status.environment.toUpperCase()} · ${status.verdict ?? status.phase}`, '']
  for (const left of status.leftBehind) lines.push(`- 🔴 **LEFT BEHIND** ${left.title}: ${left.message}. By hand: ${left.byHand}`)
  for (const waiting of status.waitingFor) lines.push(`- 🙋 **waiting for ${waiting.roles.join(' or ')}** (${waiting.approved} of ${waiting.approvals}): \`${waiting.command}\``)
  for (const step of status.steps) {
    const took = step.startedAtMs !== undefined && step.endedAtMs !== undefined ? ` · ${durationText(step.endedAtMs - step.startedAtMs)}` : ''
    lines.push(`- ${icons[step.state]} ${step.title}${took}${step.summary && step.state !== 'passed' ? `: ${step.summary}` : ''}`)
  }
  return lines.join('\n').slice(0, 18_000)
}
