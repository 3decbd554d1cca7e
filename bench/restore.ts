import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { onCopy } from '../activities/backup/copy-server.js'
import { pgBackRest, runTool } from '../activities/backup/tools.js'
import { createChecks } from '../activities/checks/index.js'
import { actions } from '../activities/index.js'
import type { Backup, DatabaseCluster } from '../src/drill/environment.js'
import { bytesText } from '../src/drill/recovery-rate.js'
import { labDown, labUp } from '../src/lab/lab.js'
import { stepContext } from '../test/fixtures/database-lab.js'
import type { Bench } from './hold.js'
import { spread, took, type Figure } from './measure.js'

/** At the first size and at the second. */
const restoreRounds = [9, 9]
const verifyRounds = 3
/** Rows of 1 kB that compress to about half, added before each size is measured: they make a repository of about 0.1, 1 and 10 GB. */
const addedRows = { usual: [90_000, 800_000], full: [90_000, 800_000, 8_200_000] }
const batchRows = 50_000
/** On the disk of the servers, of a row: primary and standby, their WAL, the repository and a copy. */
const diskBytesOfRow = 5_000

interface Verified { bytes: number, ms: number[] }
interface Restored { bytes: number, ours: number[], bare: number[] }

/**
 * The daily verification as the repository grows, and a restore to a copy beside bare pgBackRest and pg_ctl on the same set, in turns. Both
 * sides begin with nothing and end when the copy of the newest backup, recovered to the end of the archive, is promoted and answers.
 */
export async function restore ({ hold, tell, full }: Bench): Promise<Figure[]> {
  const root = await hold.folder()
  tell('the lab starts')
  const { environment } = await hold.take(labUp({ root }), () => labDown(root, 'lab'))
  const { database, backup } = environment as { database: DatabaseCluster, backup: Backup }
  const verified: Verified[] = []
  const notes: string[] = []
  const restored: Restored[] = []
  for (const [round, rows] of (full ? addedRows.full : addedRows.usual).entries()) {
    const { bavail, bsize } = statfsSync(root)
    if (bavail * bsize < rows * diskBytesOfRow) {
      notes.push(`${rows} rows more were not measured: ${bytesText(bavail * bsize)} are free, ${bytesText(rows * diskBytesOfRow)} are needed`)
      break
    }
    await add(database, rows, done => { tell(`${done} of ${rows} rows more`) })
    tell('a full backup, once what was written is archived')
    await ask('backup.archiving', database, backup, { within: '30m' })
    await pgBackRest(backup, ['--type=full', '--archive-timeout=600', 'backup'], stepContext({ drillId: 'bench', stepId: 'backup' }))
    const ms: number[] = []
    for (let time = 0; time < verifyRounds; time++) ms.push(await took(() => verify(database, backup)))
    const bytes = await repositoryBytes(backup)
    verified.push({ bytes, ms })
    tell(`verification: ${seconds(spread(ms).p50)} at ${bytesText(bytes)}`)
    if (round < restoreRounds.length) restored.push({ bytes, ...await restores({ database, backup, tell }, restoreRounds[round]!) })
  }
  return [...restored.map(({ bytes, ours, bare }): Figure => ({
    what: `restore to a copy that takes writes, ${bytesText(bytes)}`,
    unit: 'ms',
    ours: spread(ours),
    peer: { name: 'pgbackrest restore, pg_ctl start, and asking until it is promoted', ...spread(bare) },
    goals: [{ of: 'p50', ratio: 1.05 }],
    notes: [`round by round ${ours.map((ms, round) => (ms / bare[round]!).toFixed(2)).join(', ')}`],
  })), ...verified.map(({ bytes, ms }, index): Figure => ({
    what: `daily verification, ${bytesText(bytes)}`,
    unit: 'ms',
    ours: spread(ms),
    // A lab's repository is smaller than the first.
    goals: index === 0 ? [{ of: 'p50', below: 10_000 }] : [],
    notes: index === verified.length - 1 ? [...growthOf(verified), ...notes] : [],
  }))]
}

/** What each size took, and how that grows: an exponent of 1 is in step with the repository. */
function growthOf (verified: readonly Verified[]): string[] {
  const points = verified.map(({ bytes, ms }) => ({ bytes, ms: spread(ms).p50 }))
  return [
    points.map(({ bytes, ms }) => `${seconds(ms)} at ${bytesText(bytes)}`).join(', '),
    ...points.slice(1).map(({ bytes, ms }, index) => {
      const before = points[index]!
      const exponent = Math.log(ms / before.ms) / Math.log(bytes / before.bytes)
      return `to ${bytesText(bytes)}: ${((ms - before.ms) / (bytes - before.bytes) * 1e6).toFixed(1)} s for each GB more, exponent ${exponent.toFixed(2)}`
    }),
  ]
}

function seconds (ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

async function restores ({ database, backup, tell }: { database: DatabaseCluster, backup: Backup, tell: Bench['tell'] }, rounds: number): Promise<Omit<Restored, 'bytes'>> {
  const [ours, bare]: [number[], number[]] = [[], []]
  for (let round = 0; round <= rounds; round++) {
    const both: Array<() => Promise<void>> = [
      async () => { ours.push(await measured(() => copy(database, backup), () => actions['backup.restore'].undo({ backup, database }, stepContext({ drillId: 'bench', stepId: 'ours' })))) },
      async () => { bare.push(await bareRestore(backup)) },
    ]
    for (const one of round % 2 === 0 ? both : both.reverse()) {
      // What the one before left to be written, or removed, is not the next one's to wait for.
      execFileSync('sync')
      await one()
    }
    tell(`${round === 0 ? 'both restores, to warm up' : `round ${round} of ${rounds}`}: ${seconds(ours.at(-1)!)}, bare ${seconds(bare.at(-1)!)}`)
    if (round === 0) ours.length = bare.length = 0
  }
  return { ours, bare }
}

/** A commit for each batch: the standby must be able to follow, since commits wait for it. */
async function add ({ nodes: [node] }: DatabaseCluster, rows: number, tell: (done: number) => void): Promise<void> {
  const client = new pg.Client({ host: node!.host, port: node!.port, user: node!.user, database: node!.database })
  await client.connect()
  try {
    await client.query('create table if not exists filler (text text)')
    const { rowCount } = await client.query('select from filler limit 1')
    for (let done = 0; done < rows; done += batchRows) {
      const batch = Math.min(batchRows, rows - done)
      if (done === 0 && rowCount === 0) await client.query("insert into filler select (select string_agg(md5(random()::text || n || i), '') from generate_series(1, 31) i) from generate_series(1, $1::int) n", [batch])
      else await client.query('insert into filler select text from filler limit $1', [batch])
      tell(done + batch)
    }
  } finally {
    await client.end()
  }
}

/** Its five questions, as the runbook asks them. Throws where one is not green: a red one measures something else. */
async function verify (database: DatabaseCluster, backup: Backup): Promise<void> {
  for (const name of ['backup.fresh', 'backup.archiving', 'backup.continuous', 'backup.verified', 'backup.promise'] as const) await ask(name, database, backup)
}

async function ask (name: 'backup.fresh' | 'backup.archiving' | 'backup.continuous' | 'backup.verified' | 'backup.promise', database: DatabaseCluster, backup: Backup, more: { within?: string } = {}): Promise<void> {
  const { outcome, observed } = await createChecks({ dataDir: '/nonexistent' })[name]({ database, backup, ...more }, stepContext({ drillId: 'bench', stepId: 'verify' }))
  if (outcome !== 'pass') throw new Error(`${name}: ${observed}`)
}

async function repositoryBytes (backup: Backup): Promise<number> {
  const { stdout } = await pgBackRest(backup, ['--recurse', '--output=json', 'repo-ls'], stepContext({ drillId: 'bench', stepId: 'size' }))
  return Object.values(JSON.parse(stdout) as Record<string, { size?: number }>).reduce((sum, { size = 0 }) => sum + size, 0)
}

async function measured (work: () => Promise<unknown>, after: () => Promise<unknown>): Promise<number> {
  try {
    return await took(work)
  } finally {
    await after()
  }
}

async function copy (database: DatabaseCluster, backup: Backup): Promise<void> {
  await actions['backup.restore'].do({ backup, database }, stepContext({ drillId: 'bench', stepId: 'ours' }))
}

/** What somebody with a shell does: the same set, the same settings of the server. */
async function bareRestore (backup: Backup): Promise<number> {
  const dir = `${backup.scratchDir}/bare`
  const server = backup.tools['postgres']!
  const bare: Backup = { ...backup, tools: { ...backup.tools, pg_ctl: { ...server, path: join(dirname(server.path), 'pg_ctl') }, mkdir: { path: '/bin/mkdir' }, rm: { path: '/bin/rm' } } }
  const run = async (tool: string, args: string[]): Promise<void> => {
    const { exitCode, stderr, stdout } = await runTool(bare, tool, args, stepContext({ drillId: 'bench', stepId: 'bare' }))
    if (exitCode !== 0) throw new Error(`${tool} failed with ${exitCode}: ${stderr || stdout}`)
  }
  await run('mkdir', ['-p', dir])
  const options = ['listen_addresses=', `unix_socket_directories=${dir}`, `hba_file=${dir}/data/pg_hba.conf`, 'archive_mode=off', 'cluster_name=bare', 'shared_preload_libraries=', 'autovacuum=off', 'dynamic_shared_memory_type=mmap', 'max_connections=60', 'track_commit_timestamp=on']
  return await measured(async () => {
    await run('pgbackrest', [`--config=${backup.configFile}`, `--stanza=${backup.stanza}`, '--log-level-console=off', `--pg1-path=${dir}/data`, '--archive-mode=off', 'restore'])
    await run('pg_ctl', ['-D', `${dir}/data`, '-w', '-l', `${dir}/server.log`, '-o', ['port=5432', ...options].map(option => `-c ${option}`).join(' '), 'start'])
    for (;;) {
      const isInRecovery = await onCopy({ socketDir: dir }, { user: 'postgres', database: 'postgres' }, stepContext({ drillId: 'bench', stepId: 'bare' }), async client => (await client.query<{ is: boolean }>('select pg_is_in_recovery() as is')).rows[0]!.is)
      if (!isInRecovery) return
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }, async () => {
    await run('pg_ctl', ['-D', `${dir}/data`, '-m', 'immediate', 'stop']).catch(() => {})
    await run('rm', ['-rf', dir])
  })
}
