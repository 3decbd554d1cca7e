import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { instantiate } from '../src/drill/instantiate.js'
import { messageOf } from '../src/errors.js'
import { loadCatalog } from '../src/runbook/catalog.js'
import { runCase, runUndisturbed, type Case, type Undisturbed } from './case.js'
import { allKinds, applies, breaks, momentsOf, type Kind } from './moment.js'
import { openStage, type Stage } from './stage.js'
import { lineOf, tableOf, type Chapter, type Done } from './table.js'

// `npm run test:chaos [-- --runbook NAME] [--kind KIND] [--moment NAME] [--minutes N] [--fresh]`: kills everything at every moment of every
// drill, and writes docs/chaos.md. Cases that were run before, and held, stand in .muster/chaos and are not run again; --fresh forgets them.

const record = '.muster/chaos/cases.jsonl'
const page = 'docs/chaos.md'

const { values } = parseArgs({
  options: {
    runbook: { type: 'string', multiple: true }, kind: { type: 'string', multiple: true }, moment: { type: 'string', multiple: true },
    minutes: { type: 'string' }, fresh: { type: 'boolean', default: false }, table: { type: 'boolean', default: false },
  },
})
const wrongKind = values.kind?.find(kind => !allKinds.includes(kind as Kind))
if (wrongKind !== undefined) usage(`there is no kind "${wrongKind}"; there are ${allKinds.join(', ')}`)
const minutes = values.minutes === undefined ? Infinity : Number(values.minutes)
if (!(minutes > 0)) usage(`--minutes takes a number, not "${values.minutes}"`)

const untilMs = Date.now() + minutes * 60_000
if (values.fresh) rmSync(record, { force: true })
const done: Done[] = existsSync(record) ? readFileSync(record, 'utf8').trim().split('\n').filter(Boolean).map(line => JSON.parse(line) as Done) : []

let stage: Stage | undefined
let stopping = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(130)
    stopping = true
    console.error('chaos  stopping after this case; again to stop now')
  })
}

try {
  stage = await open()
  const chapters = await chaptersOf(stage)
  const wrongRunbook = values.runbook?.find(name => !chapters.some(({ runbook }) => runbook === name))
  if (wrongRunbook !== undefined) usage(`no drill "${wrongRunbook}" breaks anything here; there are ${chapters.map(({ runbook }) => runbook).join(', ')}`)
  if (!values.table) await runAll(chapters)
  mkdirSync(dirname(page), { recursive: true })
  writeFileSync(page, `${tableOf(chapters, done).trimEnd()}\n`)
  console.log(`chaos  ${page} written`)
} catch (error) {
  console.error(`chaos  ${messageOf(error)}`)
  process.exitCode = 1
} finally {
  await stage?.down()
}
process.exit(process.exitCode ?? 0)

async function open (): Promise<Stage> {
  // Mounting takes root; without it, drills of full disks are refused, and told.
  return await openStage({ tell: line => { console.log(`chaos  ${line}`) }, volumes: process.getuid?.() === 0 })
}

/** Every runbook that breaks something in this environment, with its moments: no runbook is named here. */
async function chaptersOf ({ environment }: Stage): Promise<Chapter[]> {
  const catalog = await loadCatalog({ runbookDirs: ['runbooks'], environmentDirs: [] })
  return catalog.runbooks.flatMap(({ value }) => {
    if (!value || value.readOnly === true || !value.environments.some(one => one === 'tier:lab' || one === environment.name)) return []
    const { runbook, problems } = instantiate(value, { params: {}, environment })
    return problems.length === 0 && breaks({ runbook }) ? [{ runbook: value.name, title: value.title, moments: momentsOf({ runbook }) }] : []
  })
}

async function runAll (chapters: Chapter[]): Promise<void> {
  const wanted = chapters.filter(({ runbook }) => values.runbook?.includes(runbook) ?? true).flatMap(({ runbook, moments }) => moments
    .filter(({ name }) => values.moment?.includes(name) ?? true)
    .flatMap(moment => allKinds.filter(kind => applies(kind, moment) && (values.kind?.includes(kind) ?? true)).map((kind): Case => ({ runbook, moment, kind }))))
  const held = new Set(done.filter(({ outcome }) => outcome.result === 'held').map(keyOf))
  const left = wanted.filter(one => !held.has(keyOf({ ...one, moment: one.moment.name }))).sort((a, b) => orderKey(a) < orderKey(b) ? -1 : 1)
  console.log(`chaos  ${wanted.length} cases, ${wanted.length - left.length} of them have held before`)
  const undisturbed = new Map<string, Undisturbed>()
  const hopeless = new Set<string>()
  const began = Date.now()
  let broken = 0
  for (const [index, one] of left.entries()) {
    if (stopping || Date.now() > untilMs) {
      console.log(`chaos  ${left.length - index} cases are left for another time`)
      break
    }
    if (hopeless.has(one.runbook)) continue
    const from = Date.now()
    stage ??= await open()
    const whole = undisturbed.get(one.runbook) ?? await undisturbedOf(stage, one.runbook, chapters)
    if (whole === undefined) {
      broken++
      hopeless.add(one.runbook)
      await stage.down()
      stage = undefined
      continue
    }
    undisturbed.set(one.runbook, whole)
    const outcome = await runCase(stage, one, whole)
    const entry: Done = { runbook: one.runbook, moment: one.moment.name, kind: one.kind, outcome, tookMs: Date.now() - from, atMs: Date.now() }
    done.push(entry)
    mkdirSync(dirname(record), { recursive: true })
    appendFileSync(record, `${JSON.stringify(entry)}\n`)
    const leftMs = (Date.now() - began) / (index + 1) * (left.length - index - 1)
    console.log(`chaos  ${String(index + 1).padStart(4)} of ${left.length}  ${lineOf(one, outcome, entry.tookMs)}   ${Math.ceil(Math.min(leftMs, untilMs - Date.now()) / 60_000)} min left`)
    if (outcome.result === 'broken' || outcome.result === 'left') {
      broken += outcome.result === 'broken' ? 1 : 0
      // Whatever it left must not be the next one's trouble.
      await stage.down()
      stage = undefined
    }
  }
  if (broken > 0) process.exitCode = 1
}

/** Undefined, and told, where the drill does not even pass when nothing happens to it: then its cases say nothing. */
async function undisturbedOf (stage: Stage, runbook: string, chapters: Chapter[]): Promise<Undisturbed | undefined> {
  console.log(`chaos  ${runbook}, undisturbed`)
  try {
    return await runUndisturbed(stage, runbook, chapters.find(one => one.runbook === runbook)!.moments)
  } catch (error) {
    console.error(`chaos  ${messageOf(error)}`)
    return undefined
  }
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
