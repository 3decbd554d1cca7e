import type { CheckInputs } from '../../src/drill/checks.js'
import type { Copy } from '../../src/drill/copy.js'
import { durationText } from '../../src/drill/duration.js'
import type { Backup } from '../../src/drill/environment.js'
import type { Check, StepContext } from '../action.js'
import { answer } from './answer.js'
import { awaitRecovery, copyControl, onCopy, startCopy, stopCopy } from './copy-server.js'
import { lastWords, runTool } from './tools.js'

/** What one tool found: a figure that proves that it looked, or what is wrong. */
export type Finding = { good: string } | { wrong: string } | { blind: string }

/**
 * Every index against its table, every row read once, every page against its checksum (the server stops for that, and starts again).
 * What a tool says counts, and that it looked at anything.
 */
export const copySound: Check<CheckInputs['copy.sound']> = async ({ copy, database, backup }, context) => {
  return await answer('indexes match their tables, every row can be read, every page has its checksum', context, async () => {
    if (copy.state === 'paused') return { outcome: 'blind', observed: 'the copy is paused in recovery: promote it first' }
    const user = database.nodes[0]!.user
    const from = Date.now()
    const findings = [await amcheck(backup, copy, user, context), ...await dumps(backup, copy, user, context), await checksums(backup, copy, user, context)]
    const output = { tookMs: Date.now() - from }
    const wrong = findings.flatMap(finding => 'wrong' in finding ? [finding.wrong] : [])
    const blind = findings.flatMap(finding => 'blind' in finding ? [finding.blind] : [])
    if (wrong.length > 0) return { outcome: 'fail', observed: [...wrong, ...blind].join('; '), output }
    if (blind.length > 0) return { outcome: 'blind', observed: blind.join('; '), output }
    return { outcome: 'pass', observed: `${findings.flatMap(finding => 'good' in finding ? [finding.good] : []).join('; ')}; in ${durationText(output.tookMs)}`, output }
  })
}

async function amcheck (backup: Backup, copy: Copy, user: string, context: StepContext): Promise<Finding> {
  const { exitCode, stdout, stderr } = await runTool(backup, 'pg_amcheck', ['--host', copy.socketDir, '--username', user, '--all', '--heapallindexed', '--install-missing', '--jobs=2', '--progress'], context, { doing: 'pg_amcheck' })
  return parseAmcheck(stdout, stderr, exitCode)
}

/** Corruption is told on stdout, a line of where and a line of what; how much was looked at on stderr. */
export function parseAmcheck (stdout: string, stderr: string, exitCode: number): Finding {
  if (stdout.trim() !== '') return { wrong: `pg_amcheck: ${stdout.trim().split('\n').slice(0, 4).map(line => line.trim()).join(' ')}` }
  const last = [...stderr.matchAll(/(\d+)\/(\d+) relations \(\s*\d+%\),\s*(\d+)\/(\d+) pages/g)].at(-1)
  const errors = stderr.split('\n').filter(line => /error|fatal|warning/i.test(line))
  if (exitCode !== 0 || errors.length > 0) return { blind: `pg_amcheck could not look at everything (${exitCode}): ${lastWords(errors.join('\n') || stderr)}` }
  if (!last || last[1] !== last[2] || last[2] === '0') return { blind: `pg_amcheck says success and not that it looked at everything: ${lastWords(stderr) || 'nothing at all'}` }
  return { good: `pg_amcheck looked at ${last[2]} relations, ${last[4]} pages` }
}

const tablesSql = `select count(*)::int as tables from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')`

/** A dump that nobody keeps reads every row of every table. */
async function dumps (backup: Backup, copy: Copy, user: string, context: StepContext): Promise<Finding[]> {
  const names = await onCopy(copy, { user, database: 'postgres' }, context, async client =>
    (await client.query<{ name: string }>('select datname as name from pg_database where datallowconn and not datistemplate order by 1')).rows.map(row => row.name))
  const findings: Finding[] = []
  for (const name of names) {
    const { tables } = (await onCopy(copy, { user, database: name }, context, async client => (await client.query<{ tables: number }>(tablesSql)).rows[0]!))
    const { exitCode, stderr } = await runTool(backup, 'pg_dump', ['--host', copy.socketDir, '--username', user, '--no-sync', '--verbose', '--file=/dev/null', name], context, { doing: `read ${name}` })
    const read = [...stderr.matchAll(/^pg_dump: dumping contents of table/gm)].length
    if (exitCode !== 0) findings.push({ wrong: `database ${name} cannot be read: ${lastWords(stderr)}` })
    else if (read < tables) findings.push({ blind: `pg_dump read ${read} of ${tables} tables of ${name}` })
    else if (tables > 0) findings.push({ good: `every row of ${read} tables of ${name}` })
  }
  return findings
}

/** Only files at rest have a checksum that can be trusted. */
async function checksums (backup: Backup, copy: Copy, user: string, context: StepContext): Promise<Finding> {
  await stopCopy(backup, copy, context)
  try {
    const { exitCode, stdout, stderr } = await runTool(backup, 'pg_checksums', ['--check', '-D', copy.dataDir], context, { doing: 'pg_checksums' })
    return parseChecksums(stdout, stderr, exitCode)
  } finally {
    if (!context.signal.aborted) {
      await startCopy(backup, copy, context)
      await awaitRecovery(await copyControl(backup, copy, context), copy, { user, wanted: 'promoted' }, context)
    }
  }
}

export function parseChecksums (stdout: string, stderr: string, exitCode: number): Finding {
  const blocks = Number(/^Blocks scanned:\s+(\d+)/m.exec(stdout)?.[1] ?? 0)
  const bad = Number(/^Bad checksums:\s+(\d+)/m.exec(stdout)?.[1] ?? -1)
  if (bad > 0) return { wrong: `${bad} of ${blocks} pages have a wrong checksum: ${lastWords(stderr)}` }
  if (exitCode !== 0 || bad < 0 || blocks === 0) return { blind: `pg_checksums could not look: ${lastWords(stderr) || lastWords(stdout)}` }
  return { good: `${blocks} pages have their checksum` }
}
