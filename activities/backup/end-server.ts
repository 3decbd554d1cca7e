import { statSync } from 'node:fs'
import { controlOf } from '../../src/control/control.js'
import { freeSharedMemory } from '../../src/control/shared-memory.js'
import type { Control } from '../../src/drill/environment.js'

/** PostgreSQL gives its own processes five seconds. */
const endMs = 8_000

/**
 * Ends a PostgreSQL whose data nobody needs any more: at once, but by its own hand, for one that is killed leaves a segment of shared
 * memory that nothing removes before the machine starts anew. By force where it does not end; then, and where somebody else has killed
 * it before, that segment is removed here.
 * @param options.workDir its data directory
 */
export async function endServer (control: Control, options: { workDir: string }): Promise<void> {
  const server = controlOf(control.kind === 'process' ? { ...control, stopSignal: 'SIGQUIT' } : control, options)
  await server.stop({ timeoutMs: endMs }).catch(() => {})
  await server.kill()
  const owner = statSync(options.workDir, { throwIfNoEntry: false })?.uid
  if (control.kind === 'process' && owner !== undefined) freeSharedMemory([options.workDir], owner)
}
