import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { instantiate } from '../src/drill/instantiate.js'
import { messageOf } from '../src/errors.js'
import { loadCatalog } from '../src/runbook/catalog.js'
import { runCase, runUndisturbed, type Case, type Outcome } from './case.js'
import { keepEvidence } from './evidence.js'
import { allKinds, applies, breaks, momentsOf, type Kind } from './moment.js'
import { opened, runQueue } from './queue.js'
import { openStage, type Stage } from './stage.js'
import { lineOf, tableOf, type Chapter, type Done } from './table.js'

// `npm run test:chaos [-- --runbook NAME] [--kind KIND] [--moment NAME] [--acting] [--jobs N] [--minutes N] [--fresh]`: kills everything at
// every moment of every drill, and writes docs/chaos.md. Cases that were run before, and held, stand in chaos/cases.jsonl and are not run
// again; --fresh forgets them. Both files are kept with the code: the whole takes hours, and may be run in parts, on several machines.
// Each job has a Muster and a lab of its own.

const record = 'chaos/cases.jsonl'
const page = 'docs/chaos.md'
/** Each takes about a gigabyte of memory and 30 ports. */
const mostJobs = 16
/** What all runbooks call the time in which they measure the normal state; nothing can be killed in it that is not there later. */
const shortBaseline = '500ms'

const { values } = parseArgs({
  options: {
    runbook: { type: 'string', multiple: true }, kind: { type: 'string', multiple: true }, moment: { type: 'string', multiple: true },
    jobs: { type: 'string' }, acting: { type: 'boolean', default: false },
    minutes: { type: 'string' }, fresh: { type: 'boolean', default: false }, table: { type: 'boolean', default: false },
  },
})
const wrongKind = values.kind?.find(kind => !allKinds.includes(kind as Kind))
if (wrongKind !== undefined) usage(`there is no kind "${wrongKind}"; there are ${allKinds.join(', ')}`)
const minutes = values.minutes === undefined ? Infinity : Number(values.minutes)
if (!(minutes > 0)) usage(`--minutes takes a number, not "${values.minutes}"`)
const jobs = values.jobs === undefined ? availableParallelism() : Number(values.jobs)
if (!Number.isInteger(jobs) || jobs < 1 || jobs > mostJobs) usage(`--jobs takes a whole number from 1 to ${mostJobs}, not "${values.jobs}"`)

const untilMs = Date.now() + minutes * 60_000
if (values.fresh) rmSync(record, { force: true })
/** The last run of each case. */
const done = new Map((existsSync(record) ? readFileSync(record, 'utf8').trim().split('\n').filter(Boolean) : []).map(line => {
  const one = JSON.parse(line) as Done
  return [keyOf(one), one]
}))

const commit = commitOf()
let first: Stage | undefined
let stopping = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(130)
    stopping = true
    console.error('chaos  stopping after the cases that run; again to stop now')
  })
}

try {
  first = await opened({ open, tell })
  const chapters = await chaptersOf(first)
  const wrongRunbook = values.runbook?.find(name => !chapters.some(({ runbook }) => runbook === name))
  if (wrongRunbook !== undefined) throw new Error(`no drill "${wrongRunbook}" breaks anything here; there are ${chapters.map(({ runbook }) => runbook).join(', ')}`)
  if (!values.table) await runAll(chapters)
  writePage(chapters)
  console.log(`chaos  ${page} written`)
} catch (error) {
  console.error(`chaos  ${messageOf(error)}`)
  process.exitCode = 1
} finally {
  await first?.down()
}
process.exit(process.exitCode ?? 0)

async function open (): Promise<Stage> {
  // Mounting takes root; without it, drills of full disks are refused, and told.
  const stage = await openStage({ tell, volumes: process.getuid?.() === 0 })
  try {
    // What is drilled has a backup, as everywhere; and without one, drills of backups are refused.
    await runUndisturbed(stage, 'backup', [])
    return stage
  } catch (error) {
    await stage.down()
    throw error
  }
}

function tell (line: string): void {
  console.log(`chaos  ${line}`)
}

/** Every runbook that breaks something in this environment, with its moments: no runbook is named here. */
async function chaptersOf ({ environment }: Stage): Promise<Chapter[]> {
  const catalog = await loadCatalog({ runbookDirs: ['runbooks'], environmentDirs: [] })
  return catalog.runbooks.flatMap(({ value }) => {
    if (!value || value.readOnly === true || !value.environments.some(one => one === 'tier:lab' || one === environment.name)) return []
    const { runbook, problems } = instantiate(value, { params: {}, environment })
    if (problems.length > 0 || !breaks({ runbook })) return []
    const params: Case['params'] = value.params?.baseline?.type === 'duration' ? { baseline: shortBaseline } : {}
    return [{ runbook: value.name, title: value.title, moments: momentsOf({ runbook }), params }]
  })
}

async function runAll (chapters: Chapter[]): Promise<void> {
  const wanted = chapters.filter(({ runbook }) => values.runbook?.includes(runbook) ?? true).flatMap(({ runbook, moments, params }) => moments
    .filter(({ name, acts }) => (values.moment?.includes(name) ?? true) && (acts || !values.acting))
    .flatMap(moment => allKinds.filter(kind => applies(kind, moment) && (values.kind?.includes(kind) ?? true))
      // A wait that is struck must last until then.
      .map((kind): Case => ({ runbook, moment, kind, params: 'started' in moment.at ? {} : params }))))
  const left = wanted.filter(one => done.get(keyOf({ ...one, moment: one.moment.name }))?.outcome.result !== 'held').sort((a, b) => orderKey(a) < orderKey(b) ? -1 : 1)
  console.log(`chaos  ${wanted.length} cases, ${wanted.length - left.length} of them have held before; ${Math.min(jobs, left.length)} at a time`)
  const began = Date.now()
  let count = 0
  const whole = await runQueue(left, Math.min(jobs, left.length), {
    open: async () => {
      const stage = first ?? await open()
      first = undefined
      return stage
    },
    close: async stage => { await stage.down() },
    undisturbed: async (stage, runbook) => {
      const { moments, params } = chapters.find(one => one.runbook === runbook)!
      return await runUndisturbed(stage, runbook, moments, params)
    },
    run: async (stage, one, undisturbed) => {
      const outcome = await runCase(stage, one, undisturbed)
      if (outcome.result === 'broken') tell(`why it broke: ${await keepEvidence(stage, outcome)}`)
      return outcome
    },
    goesOn: () => !stopping && Date.now() < untilMs,
    tell,
    done: (one, outcome, tookMs) => {
      const entry: Done = { runbook: one.runbook, moment: one.moment.name, kind: one.kind, outcome: recorded(outcome), tookMs, atMs: Date.now(), commit }
      done.set(keyOf(entry), entry)
      writeFileSync(`${record}.new`, [...done.values()].map(one => `${JSON.stringify(one)}\n`).join(''))
      renameSync(`${record}.new`, record)
      writePage(chapters)
      count++
      const leftMs = (Date.now() - began) / count * (left.length - count)
      console.log(`chaos  ${String(count).padStart(4)} of ${left.length}  ${lineOf(one, outcome, tookMs)}   ${Math.ceil(Math.min(leftMs, untilMs - Date.now()) / 60_000)} min left`)
    },
  })
  if (count < left.length) console.log(`chaos  ${left.length - count} cases are left for another time`)
  if (!whole) process.exitCode = 1
}

function writePage (chapters: Chapter[]): void {
  mkdirSync(dirname(page), { recursive: true })
  writeFileSync(page, `${tableOf(chapters, [...done.values()]).trimEnd()}\n`)
}

/** Of the code that is run, with a mark where it was changed since; undefined where this is no clone. */
function commitOf (): string | undefined {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const isChanged = git('status', '--porcelain', '--', 'src', 'workflows', 'activities', 'chaos', 'migrations', 'runbooks') !== ''
    return `${git('rev-parse', '--short', 'HEAD')}${isChanged ? ' with changes' : ''}`
  } catch {
    return undefined
  }
}

/** What held is counted; only what did not is asked about again. */
function recorded (outcome: Outcome): Outcome {
  return outcome.result === 'held' ? { ...outcome, why: undefined, drillId: undefined } : outcome
}

function keyOf ({ runbook, moment, kind }: { runbook: string, moment: string, kind: Kind }): string {
  return `${runbook} ${moment} ${kind}`
}

/** What changes something comes first, then in an order that lets every beginning of it be a fair sample. */
function orderKey (one: Case): string {
  return `${one.moment.acts ? 0 : 1}${createHash('sha256').update(keyOf({ ...one, moment: one.moment.name })).digest('hex')}`
}

function usage (message: string): never {
  console.error(`chaos  ${message}`)
  process.exit(2)
}
