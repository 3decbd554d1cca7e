import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a bench gets: where it says what it does, what ends what it started, and whether it is to be run at its full size. */
export interface Bench { tell: (line: string) => void, hold: Hold, full: boolean }

/** What a bench started and must end: each once, the last first, whoever asks first. */
export class Hold {
  private readonly releases: Array<() => Promise<unknown>> = []

  /** Starts something that must end. Where the end is asked for meanwhile, it waits for the start and ends it then. */
  async take<T> (start: Promise<T>, end: (started: T) => Promise<unknown>): Promise<T> {
    this.releases.push(async () => {
      const started = await start.then(value => ({ value }), () => undefined)
      if (started) await end(started.value)
    })
    return await start
  }

  /** A folder of its own that servers which run as another user find their way through; removed at the end. */
  async folder (): Promise<string> {
    const root = mkdtempSync(join(tmpdir(), 'muster-bench-'))
    chmodSync(root, 0o755)
    return await this.take(Promise.resolve(root), async () => { rmSync(root, { recursive: true, force: true }) })
  }

  /** Ends everything; one that fails does not spare the others. @throws the first failure */
  async releaseAll (): Promise<void> {
    const failures: unknown[] = []
    for (let release = this.releases.pop(); release; release = this.releases.pop()) await release().catch((error: unknown) => { failures.push(error) })
    if (failures.length > 0) throw failures[0]
  }
}
