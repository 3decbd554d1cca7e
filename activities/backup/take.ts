import { setTimeout as sleep } from 'node:timers/promises'
import type { ActionInputs } from '../../src/drill/actions.js'
import type { BackupSet } from '../../src/drill/backup.js'
import { durationText } from '../../src/drill/duration.js'
import type { Backup } from '../../src/drill/environment.js'
import { bytesText } from '../../src/drill/recovery-rate.js'
import { allProcs, commandLineOf, sendSignal, type Proc } from '../../src/control/proc.js'
import { until } from '../../src/control/until.js'
import { DrillError } from '../../src/errors.js'
import type { Action, StepContext } from '../action.js'
import { tell } from '../tell.js'
import { readRepository } from './repository.js'
import { pgBackRest } from './tools.js'

const lookEveryMs = 500
/** How long another run may hold the stanza before this step gives up. */
const lockMs = 10 * 60_000
const endMs = 15_000

/**
 * One backup of the step, known by its annotation: so a step that runs twice makes one. A worker's death leaves pgBackRest running: the next
 * try waits for it. A cancel ends it in order.
 */
export const backupTake: Action<ActionInputs['backup.take']> = {
  async do ({ backup, type, lockWithinMs = lockMs }, context) {
    const annotation = annotationOf(context)
    const waitedFromMs = Date.now()
    for (;;) {
      const found = await findOwn(backup, annotation, context)
      if (found) return done(found, ' (by an earlier try of this step)')
      const other = runsOf(annotation).length > 0 ? 'an earlier try of this step' : (await readRepository(backup, context)).backupRuns ? 'another backup' : undefined
      if (other === undefined) {
        try {
          await pgBackRest(backup, [`--type=${type}`, `--annotation=muster=${annotation}`, 'backup'], context, { doing: `${type} backup` })
          const made = await findOwn(backup, annotation, context)
          if (made) return done(made)
          throw new DrillError('backup.failed', `pgBackRest backup said success, and its catalogue has no set of ${annotation}`)
        } catch (error) {
          // Somebody began between the look and the start.
          if (!(error instanceof DrillError) || error.code !== 'backup.locked') throw error
        }
      }
      const waitedMs = Date.now() - waitedFromMs
      if (waitedMs > lockWithinMs) throw new DrillError('backup.locked', `${other ?? 'Another run of pgBackRest'} has held stanza "${backup.stanza}" for the ${durationText(waitedMs)} that this step waited`)
      tell(context, `wait for ${other ?? 'another run'}, for ${durationText(waitedMs)} so far`, { waitedMs })
      await sleep(lookEveryMs, undefined, { signal: context.signal })
    }
  },

  /** A finished backup stays: it is one more, and harms nobody. What must not stay is a run. */
  async verify (_input, context) {
    const runs = runsOf(annotationOf(context))
    return { undone: runs.length === 0, summary: runs.length === 0 ? 'no backup of this step runs; a finished one stays' : `a backup of this step still runs (process ${runs[0]!.pid})` }
  },

  async undo (_input, context) {
    const runs = runsOf(annotationOf(context))
    for (const proc of runs) sendSignal(proc, 'SIGTERM')
    await until(() => runsOf(annotationOf(context)).length === 0 || undefined, { everyMs: 50, deadlineMs: endMs, signal: context.signal })
    return 'ended the backup that still ran'
  },
}

function annotationOf ({ drillId, stepId }: Pick<StepContext, 'drillId' | 'stepId'>): string {
  return `${drillId}.${stepId}`
}

/** Known by an argument that no other run of pgBackRest has. */
function runsOf (annotation: string): Proc[] {
  return allProcs().filter(proc => proc.name === 'pgbackrest' && commandLineOf(proc.pid).split(' ').includes(`--annotation=muster=${annotation}`))
}

async function findOwn (backup: Backup, annotation: string, context: StepContext): Promise<BackupSet | undefined> {
  return (await readRepository(backup, context)).sets.find(set => set.annotations.muster === annotation)
}

function done (set: BackupSet, note = ''): { summary: string, output: Record<string, unknown> } {
  const tookMs = set.endedAtMs - set.startedAtMs
  const rotten = set.pageErrors ? '; pages with wrong checksums were in it: the live cluster is corrupt' : ''
  return {
    summary: `${set.label} holds ${bytesText(set.bytes)} in ${bytesText(set.repositoryBytes)}, made in ${durationText(tookMs)}${note}${rotten}`,
    output: { label: set.label, type: set.type, bytes: set.bytes, repositoryBytes: set.repositoryBytes, tookMs, stopLsn: set.stopLsn, pageErrors: set.pageErrors },
  }
}
