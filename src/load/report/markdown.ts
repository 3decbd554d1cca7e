import { durationText } from '../../drill/duration.js'
import type { LoadResult } from '../../drill/load.js'
import { msText } from '../../drill/load-text.js'
import { aboutText, qualityText, resourceRow, rowOf, rowTitles, shareText, verdictText } from './text.js'

export function renderMarkdown (result: LoadResult): string {
  const { title, scenario, environment, runId, verdict, why, reasons, total, endpoints, userTypes, failures, slow } = result
  const { thresholds, levels, breaking, resources, leaks, baseline } = result
  return `${[
    `# ${cell(title)}: ${verdictText[verdict]}`,
    `**${cell(why)}**`,
    reasons.length > 1 ? reasons.slice(1).map(reason => `- ${cell(reason)}`).join('\n') : '',
    `Scenario \`${scenario}\` on ${cell(environment)}, \`${runId}\`, ${new Date(result.startedAtMs).toISOString()}. ${cell(aboutText(result))}.`,
    cell(qualityText(result)),
    '## Response times', 'From the intended time of each request to the last byte of its answer.',
    table(['', ...rowTitles], [['all', ...rowOf(total)], ...endpoints.map(one => [one.endpoint, ...rowOf(one)]), ...userTypes.map(one => [`${one.userType} (${one.users})`, ...rowOf(one)])]),
    '## Expectations', table(['expectation', 'measured', 'kept'], thresholds.map(({ text, why, kept }) => [text, why.slice(text.length + 2), kept ? 'yes' : 'NO'])),
    levels === undefined ? '' : `## Loads\n\n${cell(breaking ?? '')}\n\n${table(['users', 'requests a second', 'P99', 'errors', 'gave'], levels.map(level => [String(level.users), String(level.requestsPerSecond), msText(level.p99Ms), shareText(level.errorShare ?? 0, 1), level.broken.map(({ text }) => text).join('; ') || 'held']))}`,
    '## Failures', failures.length === 0 ? 'None.' : table(['kind', 'count', 'first examples'], failures.map(({ failure, count, examples }) => [failure, String(count), examples.map(({ atMs, endpoint, message }) => `${durationText(atMs)} ${endpoint}: ${message}`).join('; ')])),
    `## Requests over ${durationText(slow.overMs)}`, slow.count === 0 ? 'None.' : `${slow.count}; the slowest:\n\n${table(['at', 'endpoint', 'user', 'response', 'service', 'answer'], slow.examples.slice(0, 20).map(one => [durationText(one.atMs), one.endpoint, one.userType, msText(one.responseMs), msText(one.serviceMs), one.outcome]))}`,
    '## Resources of the target', 'blind' in resources ? `Not measured: ${cell(resources.blind)}.` : table(['', 'least', 'mean', 'most'], resources.map(resourceRow)),
    leaks.length === 0 ? '' : `## Growth\n\n${leaks.map(({ why }) => `- ${cell(why)}`).join('\n')}`,
    baseline === undefined ? '' : `## Against earlier runs\n\n${cell(baseline.why)}`,
  ].filter(part => part !== '').join('\n\n')}\n`
}

function table (titles: string[], rows: string[][]): string {
  return [titles, titles.map(() => '---'), ...rows].map(row => `| ${row.map(cell).join(' | ')} |`).join('\n')
}

/** Text of a target may hold anything. */
function cell (text: string): string {
  return text.replace(/[|<>\\`*_[\]]/g, '\\$&').replace(/\s+/g, ' ')
}
