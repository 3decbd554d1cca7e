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

const rounds = 3
/** Rows of 1 kB that compress to about half: what is added before each size is measured. */
const addedRows = [100_000, 200_000]

/** A restore to a copy beside bare pgBackRest and pg_ctl on the same set, in turns; and the daily verification as the repository grows. */
export async function restore ({ hold, tell }: Bench): Promise<Figure[]> {
  const root = await hold.folder()
  tell('the lab starts')
  const { environment } = await hold.take(labUp({ root }), () => labDown(root, 'lab'))
  const { database, backup } = environment as { database: DatabaseCluster, backup: Backup }
  const verification: Array<{ bytes: number, ms: number[] }> = []
  for (const [round, rows] of addedRows.entries()) {
    tell(`${rows} rows more, and a full backup`)
    await add(database, rows)
    await pgBackRest(backup, ['--type=full', 'backup'], stepContext({ drillId: 'bench', stepId: 'backup' }))
    const ms: number[] = []
    for (let time = 0; time < rounds; time++) ms.push(await took(() => verify(database, backup)))
    const bytes = await repositoryBytes(backup)
    verification.push({ bytes, ms })
    tell(`verification ${round + 1} of ${addedRows.length}: ${spread(ms).p50.toFixed(0)} ms at ${bytesText(bytes)}`)
  }
  const ours: number[] = []
  const bare: number[] = []
  for (let round = 0; round <= rounds; round++) {
    tell(round === 0 ? 'both restores, once to warm up' : `both restores, round ${round} of ${rounds}`)
    const both: Array<() => Promise<void>> = [
      async () => { ours.push(await measured(() => copy(database, backup), () => actions['backup.restore'].undo({ backup, database }, stepContext({ drillId: 'bench', stepId: 'ours' })))) },
      async () => { bare.push(await bareRestore(backup)) },
    ]
    for (const one of round % 2 === 0 ? both : both.reverse()) await one()
    if (round === 0) ours.length = bare.length = 0
  }
  const [small, large] = verification as [typeof verification[0], typeof verification[0]]
  const growth = (spread(large.ms).p50 - spread(small.ms).p50) / (large.bytes - small.bytes) * 1e9
  return [{
    what: 'restore to a copy that takes writes',
    unit: 'ms',
    ours: spread(ours),
    peer: { name: 'pgbackrest restore, pg_ctl start, and asking until it is promoted', ...spread(bare) },
    goals: [{ of: 'p50', ratio: 1.05 }],
    notes: [`a repository of ${bytesText(large.bytes)}`],
  }, {
    what: 'daily verification',
    unit: 'ms',
    ours: spread(large.ms),
    goals: [{ of: 'p50', below: 10_000 }],
    notes: [`p50 ${spread(small.ms).p50.toFixed(0)} ms at ${bytesText(small.bytes)}, ${spread(large.ms).p50.toFixed(0)} ms at ${bytesText(large.bytes)}: ${(growth / 1000).toFixed(1)} s more for each GB of the repository`],
  }]
}

async function add ({ nodes: [node] }: DatabaseCluster, rows: number): Promise<void> {
  const client = new pg.Client({ host: node!.host, port: node!.port, user: node!.user, database: node!.database })
  await client.connect()
  try {
    await client.query('create table if not exists filler (text text)')
    await client.query("insert into filler select (select string_agg(md5(random()::text || n || i), '') from generate_series(1, 31) i) from generate_series(1, $1::int) n", [rows])
  } finally {
    await client.end()
  }
}

/** Its four questions of the repository, as the runbook asks them. Throws where one is not green: a red one measures something else. */
async function verify (database: DatabaseCluster, backup: Backup): Promise<void> {
  const checks = createChecks({ dataDir: '/nonexistent' })
  const input = { database, backup }
  for (const name of ['backup.fresh', 'backup.archiving', 'backup.continuous', 'backup.verified'] as const) {
    const { outcome, observed } = await checks[name](input, stepContext({ drillId: 'bench', stepId: 'verify' }))
    if (outcome !== 'pass') throw new Error(`${name}: ${observed}`)
  }
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
