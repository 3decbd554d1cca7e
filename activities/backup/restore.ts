import type { Controller } from '../../src/control/control.js'
import type { ActionInputs, ActionResult } from '../../src/drill/actions.js'
import type { BackupSet, Repository } from '../../src/drill/backup.js'
import type { Copy } from '../../src/drill/copy.js'
import { durationText } from '../../src/drill/duration.js'
import type { Backup } from '../../src/drill/environment.js'
import { lsnBytes } from '../../src/drill/loss.js'
import { bytesText, phasesText, type RestorePhase } from '../../src/drill/recovery-rate.js'
import { continuityOf } from '../../src/drill/wal.js'
import { DrillError } from '../../src/errors.js'
import type { Action, StepContext } from '../action.js'
import { clearPlace, isOwnPlace, leftAt, placeOf, requireSpace, takePlace, writeMark, type Mark, type Place, type RestorePlan } from './place.js'
import { chooseSet, readArchive, readRepository } from './repository.js'
import { newestTimeline, resolveTarget } from './resolve-target.js'
import { endRestores, restoreFiles, restoresInto } from './restore-files.js'
import { awaitRecovery, controlDataOf, copyControl, endCopy, readLog, startCopy, type Standing } from './copy-server.js'
import { runTool } from './tools.js'

type Input = ActionInputs['backup.restore']

/**
 * A copy of the database in a folder of its own, recovered to a target or to the end of the archive. A retry goes on where the one before
 * it ended; the undo leaves no process, folder or socket.
 */
export const backupRestore: Action<Input> = {
  async do (input, context) {
    const place = placeOf(input.backup, context)
    return await restoreTo(input, place, async () => {
      await startCopy(input.backup, place, context)
      return await copyControl(input.backup, place, context)
    }, context)
  },

  async verify ({ backup }, context) {
    const place = placeOf(backup, context)
    if (!await isOwnPlace(place, context)) return { undone: true, summary: `${place.dir} holds nothing of this step` }
    const left = [
      ...await leftAt(place),
      ...await (await copyControl(backup, place, context)).alive() ? ['its server'] : [],
      ...restoresInto(place.dataDir).map(proc => `pgBackRest (process ${proc.pid})`),
    ]
    return { undone: left.length === 0, summary: left.length === 0 ? 'no process, folder or socket of the copy is left' : `still there: ${left.join(', ')}` }
  },

  async undo ({ backup }, context) {
    const place = placeOf(backup, context)
    await endRestores(place.dataDir, context.signal)
    await endCopy(backup, place, context)
    await clearPlace(place)
    return `removed the copy in ${place.dir}`
  },
}

/**
 * Brings a backup's files to a place and recovers them there: a copy, or the database of a system that comes up anew. `start` starts
 * its server where it does not run.
 */
export async function restoreTo (input: Input, at: Place, start: () => Promise<Controller>, context: StepContext): Promise<ActionResult> {
  const { backup, database, pause = false } = input
  const [repository, version] = await Promise.all([readRepository(backup, context), versionOf(backup, context)])
  requireVersion(repository, version)
  const { place, mark } = await takePlace(backup, database, context, at)
  mark.plan ??= await plan(input, repository, place, context)
  await writeMark(place, mark)
  if (mark.restoreMs === undefined) {
    await requireSpace(backup, mark.plan.bytes)
    mark.restoreMs = await restoreFiles(backup, { ...mark.plan, dataDir: place.dataDir, at: pause ? 'pause' : 'promote' }, context)
    await writeMark(place, mark)
  }
  const control = await start()
  const wanted = pause && mark.plan.target ? 'paused' : 'promoted'
  const [standing, way] = await Promise.all([
    awaitRecovery(control, place, { user: database.nodes[0]!.user, wanted }, context),
    wayAhead(backup, repository, place, mark.plan, context),
  ])
  return result(place, mark as Required<Mark>, way, standing)
}

/** What to restore. Nothing is written yet, but segments that were looked into. */
async function plan ({ backup, set, target }: Input, repository: Repository, place: Place, context: StepContext): Promise<RestorePlan> {
  if (target === undefined) return planFor(chooseSet(repository, set))
  const begin = performance.now()
  const resolved = await resolveTarget(backup, repository, place, { target, set }, context)
  const found = { ms: Math.round(performance.now() - begin), ...(resolved.readBytes > 0 ? { bytes: resolved.readBytes } : {}) }
  return { ...planFor(resolved.set), found, target: { ...resolved.target, timeline: resolved.timeline } }
}

function planFor ({ label, bytes, startLsn, startSegment }: BackupSet): RestorePlan {
  return { set: label, bytes, startLsn, startSegment }
}

/**
 * Which PG timeline recovery ends on, and for one to the end of the archive whether a hole lies before it. It is looked up while the
 * copy replays, so that it costs no time of its own, and as late as that: the archive grows while files are restored.
 */
async function wayAhead (backup: Backup, repository: Repository, place: Place, { set, startSegment, target }: RestorePlan, context: StepContext): Promise<Pick<Copy, 'timeline' | 'gap'>> {
  if (target) return { timeline: target.timeline }
  const segmentBytes = Number((await controlDataOf(backup, place.dataDir, context)).get('Bytes per WAL segment'))
  const archive = await readArchive(backup, repository, segmentBytes, context)
  const { gaps } = continuityOf(archive, [{ label: set, startSegment }])
  return { timeline: newestTimeline(archive), gap: gaps[0]?.first }
}

/** Of the server beside the worker, as it says it itself. */
async function versionOf (backup: Backup, context: StepContext): Promise<string> {
  const { stdout } = await runTool(backup, 'postgres', ['--version'], context, { timeoutMs: 30_000 })
  return /\(PostgreSQL\) (\d+)/.exec(stdout)?.[1] ?? stdout.trim()
}

/** A server reads only files of its own major version. */
function requireVersion ({ databases }: Repository, major: string): void {
  const backups = databases.reduce((last, one) => one.id > last.id ? one : last, { id: 0, version: '', systemId: '' }).version
  if (major !== backups) throw new DrillError('backup.mismatch', `The backups are of PostgreSQL ${backups}, the server beside the worker is ${major}: it could not read them`)
}

async function result (place: Place, { plan, restoreMs }: Required<Mark>, { timeline, gap }: Pick<Copy, 'timeline' | 'gap'>, standing: Standing): Promise<ActionResult> {
  const { log } = await readLog(place)
  const { set, bytes, target, found } = plan
  const between = (from?: number, to?: number): number => from === undefined || to === undefined ? 0 : Math.max(0, to - from)
  const replayedBytes = standing.replayed === null ? 0 : Math.max(0, lsnBytes(standing.replayed) - lsnBytes(plan.startLsn))
  const phases: RestorePhase[] = [
    ...(found ? [{ name: 'find', ...found }] : []),
    { name: 'restore', ms: Math.round(restoreMs), bytes },
    { name: 'start', ms: between(log.startedAtMs, log.consistentAtMs) },
    { name: 'replay', ms: between(log.consistentAtMs, log.stoppedAtMs), bytes: replayedBytes },
    ...(standing.inRecovery ? [] : [{ name: 'promote', ms: between(log.stoppedAtMs, log.readyAtMs) }]),
  ]
  const { dir, dataDir, socketDir, port, logFile } = place
  const copy: Copy = { dir, dataDir, socketDir, port, logFile, set, target, timeline, gap, state: standing.inRecovery ? 'paused' : 'promoted', bytes, phases }
  const tookMs = phases.reduce((sum, { ms }) => sum + ms, 0)
  return {
    summary: [
      `${set} (${bytesText(bytes)}) ${target ? target.text : 'to the end of the archive'} in ${durationText(tookMs)}: ${phasesText(phases)}`,
      log.stopLine ?? (log.redoDone ? `redo done at ${log.redoDone}` : 'the log has no word of where recovery ended'),
      ...(gap === undefined ? [] : [`the archive has a hole at ${gap}: nothing behind it is here`]),
    ].join('; '),
    output: { copy, tookMs, bytes, replayedBytes },
  }
}
