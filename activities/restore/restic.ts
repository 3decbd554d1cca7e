import type { SecretRef } from '../../src/drill/environment.js'
import type { ToolTable } from '../../src/drill/recovery.js'
import { snapshotsOf, type Snapshot } from '../../src/drill/restic.js'
import { DrillError } from '../../src/errors.js'
import type { StepContext } from '../action.js'
import { lastWords, runOne, type StageResult } from './pipeline.js'

export interface Repository { repository: string, password: SecretRef, tools: ToolTable }
type Said = StageResult & { stdout: string, truncated: boolean }

/**
 * One restic command on a repository. Its exit code is for the caller to weigh; what no caller can do anything with is thrown:
 * `backup.missing` (no repository there), `backup.locked` (another run holds it), `backup.key` (the password opens it not).
 */
export async function restic (store: Repository, args: string[], context: Pick<StepContext, 'signal' | 'secret'>, onLine?: (line: string) => void): Promise<Said> {
  const password = await context.secret(store.password)
  const said = await runOne(store.tools, { tool: 'restic', args: ['--repo', store.repository, '--no-cache', ...args], env: { RESTIC_PASSWORD: password } }, { signal: context.signal, onLine })
  if (said.exitCode === 0) return said
  if (/wrong password or no key found/.test(said.stderr)) throw new DrillError('backup.key', `The password ${store.password} does not open the restic repository ${store.repository}`)
  if (/unable to open config file|Is there a repository at/.test(said.stderr)) throw new DrillError('backup.missing', `There is no restic repository at ${store.repository}`)
  if (/already locked/.test(said.stderr)) throw new DrillError('backup.locked', `The restic repository ${store.repository} is locked: ${lastWords(said.stderr)}`)
  return said
}

/** Newest first; those with all of the tags alone, where there are any. Throws as `restic` does, and `backup.unexpected`. */
export async function snapshots (store: Repository, context: Pick<StepContext, 'signal' | 'secret'>, tags: string[] = []): Promise<Snapshot[]> {
  const said = await restic(store, ['snapshots', '--json', '--no-lock', ...(tags.length > 0 ? ['--tag', tags.join(',')] : [])], context)
  const list = said.exitCode === 0 ? snapshotsOf(said.stdout) : undefined
  if (list === undefined) throw new DrillError('backup.unexpected', `restic snapshots of ${store.repository}: ${lastWords(said.stderr || said.stdout)}`)
  return list
}

/** The same; where there is no repository yet, one is made. */
export async function snapshotsOrNewRepository (store: Repository, context: Pick<StepContext, 'signal' | 'secret'>, tags: string[]): Promise<Snapshot[]> {
  try {
    return await snapshots(store, context, tags)
  } catch (error) {
    if (!(error instanceof DrillError) || error.code !== 'backup.missing') throw error
    const said = await restic(store, ['init'], context)
    // Another run may have made it in this moment.
    return said.exitCode === 0 ? [] : await snapshots(store, context, tags)
  }
}

/** The snapshot of that id (or its beginning), or the newest. Throws `backup.missing`, naming those that are there. */
export async function chosenSnapshot (store: Repository, context: Pick<StepContext, 'signal' | 'secret'>, id: string | undefined, tags: string[]): Promise<Snapshot> {
  const list = await snapshots(store, context, tags)
  const found = id === undefined ? list[0] : list.find(one => one.id.startsWith(id))
  if (found) return found
  const there = list.slice(0, 5).map(one => `${one.id.slice(0, 8)} of ${new Date(one.atMs).toISOString()}`).join(', ') || 'none'
  throw new DrillError('backup.missing', `The repository ${store.repository} has no backup ${id ?? 'at all'} of ${tags.join(', ')}; there are: ${there}`)
}
