import { applies, kinds, type Kind, type Moment } from './moment.js'
import type { Case, Outcome } from './case.js'

/** One line of the record of cases. */
export interface Done {
  runbook: string
  moment: string
  kind: Kind
  outcome: Outcome
  tookMs: number
  atMs: number
  /** Of the code that was run, where that is known. */
  commit?: string
}

export interface Chapter {
  runbook: string
  title: string
  moments: Moment[]
  /** With which its drills are started. */
  params?: Record<string, unknown>
}

const signs = { held: '✓', left: '◐', strayed: '~', broken: '✗', missed: '·' } as const
const letters = { passed: 'P', 'passed-with-findings': 'P', failed: 'F', invalid: 'I', aborted: 'A' } as const

/** The table of everything that was tried, as Markdown: moments down, deaths across. A case that was not run stays empty. */
export function tableOf (chapters: Chapter[], done: Done[]): string {
  const columns = Object.keys(kinds) as Kind[]
  const last = new Map(done.map(one => [`${one.runbook} ${one.moment} ${one.kind}`, one]))
  const broken: Done[] = []
  const cell = (runbook: string, moment: Moment, kind: Kind): string => {
    if (!applies(kind, moment)) return '–'
    const one = last.get(`${runbook} ${moment.name} ${kind}`)
    if (!one) return ''
    const { result, verdict } = one.outcome
    if (result === 'missed') return '·'
    if (result === 'broken') {
      broken.push(one)
      return `✗ ${broken.length}`
    }
    return `${signs[result]} ${verdict === undefined ? '' : letters[verdict]}`.trim()
  }
  const tables = chapters.map(({ runbook, title, moments }) => [
    `## ${title} (\`${runbook}\`)`,
    '',
    `| moment | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => ':-:').join('|')}|`,
    ...moments.map(moment => `| ${moment.name} | ${columns.map(kind => cell(runbook, moment, kind)).join(' | ')} |`),
    '',
  ])
  const possible = chapters.flatMap(({ moments }) => moments.flatMap(moment => columns.filter(kind => applies(kind, moment)))).length
  const counted = [...last.values()].filter(one => chapters.some(({ runbook, moments }) => runbook === one.runbook && moments.some(({ name }) => name === one.moment)))
  const count = (result: Outcome['result']): number => counted.filter(({ outcome }) => outcome.result === result).length
  counted.sort((a, b) => a.atMs - b.atMs)
  const reverts = counted.flatMap(({ outcome }) => outcome.revertedAfterMs ?? []).sort((a, b) => a - b)
  return [
    '# What was killed, and when',
    '',
    '<!-- Written by `npm run test:chaos`. Do not edit. -->',
    '',
    'Every drill that breaks something, on a real lab, with the whole of Muster as processes of their own; at every moment of its plan,',
    'something dies or somebody stops it. Afterwards the environment passes its own verification and the machine is as it was, nothing was done',
    'twice, no decision and no event is lost, and the hash chain holds; or the drill says exactly what it left.',
    '',
    ...columns.map(kind => `- **${kind}**: ${kinds[kind]}`),
    '',
    '✓ held, with the verdict: **P**assed, **F**ailed, **I**nvalid, **A**borted · ◐ the drill says what it left · ✗ broken, see below ·',
    '~ nothing lost or left, but the drill stopped elsewhere, so that it proves little ·',
    '· the moment did not come · – nothing runs there that could be interrupted · empty: not run',
    '',
    `${counted.length} of ${possible} cases were run: ${count('held')} held, ${count('left')} said what they left, ${count('broken')} broken, ${count('strayed')} stopped elsewhere, ${count('missed')} did not come.`,
    ...counted.length > 0 ? [`From ${new Date(counted[0]!.atMs).toISOString().slice(0, 16)} to ${new Date(counted.at(-1)!.atMs).toISOString().slice(0, 16)} UTC${commitsOf(counted)}.`] : [],
    ...reverts.length > 0 ? [`With no worker left, the watchdog had reverted what was held after ${(reverts[0]! / 1000).toFixed(1)} to ${(reverts.at(-1)! / 1000).toFixed(1)} s (${reverts.length} cases).`] : [],
    '',
    ...tables.flat(),
    ...broken.length > 0
      ? ['## Broken', '', ...broken.map((one, index) => `${index + 1}. \`${one.runbook}\`, ${one.moment} × ${one.kind}: ${one.outcome.problems.join('; ') || one.outcome.result}`), '']
      : [],
  ].join('\n')
}

/** Of cases in the order of their time. */
function commitsOf (counted: Done[]): string {
  const commits = [...new Set(counted.flatMap(({ commit }) => commit ?? []))]
  const unknown = counted.filter(({ commit }) => commit === undefined).length
  if (commits.length === 0) return ''
  return `, on ${commits.length === 1 ? commits[0]! : `${commits.length} commits from ${commits[0]!} to ${commits.at(-1)!}`}${unknown > 0 ? ` (${unknown} on one that is not known)` : ''}`
}

/** One line for a terminal. */
export function lineOf ({ runbook, moment, kind }: Case, { result, verdict, problems, strayed }: Outcome, tookMs: number): string {
  const more = strayed === undefined ? problems : [...problems, strayed]
  return `${signs[result]} ${runbook}  ${moment.name} × ${kind}  ${verdict ?? ''}  ${(tookMs / 1000).toFixed(1)} s${more.length > 0 ? `\n        ${more.join('\n        ')}` : ''}`
}
