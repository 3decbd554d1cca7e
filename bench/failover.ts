import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApi } from '../src/cli/api.js'
import { startDev } from '../src/dev/dev.js'
import type { DrillReport } from '../src/drill/report.js'
import type { DrillStatus } from '../src/drill/status.js'
import { labDown, labUp } from '../src/lab/lab.js'
import { floorRun } from './floor.js'
import { percentile, ratio, type Line } from './measure.js'

const rounds = 4

/** Kill to first good write: the whole engine beside a plain script, in turns on one lab. The gate is approved at once. */
export async function failover (tell: (line: string) => void): Promise<Line[]> {
  const root = mkdtempSync(join(tmpdir(), 'muster-bench-'))
  chmodSync(root, 0o755)
  const dev = await startDev({
    root, ports: 'free', headless: true, env: { MUSTER_RATE_LIMIT: '100000' },
    people: [{ id: 'ana', name: 'Ana', roles: ['commander'] }, { id: 'ben', name: 'Ben', roles: ['approver'] }],
  })
  try {
    const lab = await labUp({ root, webhook: { url: `${dev.apiUrl}/v1/alerts`, credentialsFile: join(root, 'alertmanager.key') } })
    const ana = createApi(dev.apiUrl, dev.keys.ana)
    const ben = createApi(dev.apiUrl, dev.keys.ben)
    const ours: number[] = []
    const floor: number[] = []
    for (let round = 0; round < rounds; round++) {
      tell(`failover, round ${round + 1} of ${rounds}`)
      const { drillId } = await ana.post<{ drillId: string }>('/v1/drills', { runbook: 'database-primary-failure', environment: lab.name, params: { detection: 'probe', baseline: '1s' } })
      let approved = false
      for (;;) {
        const { status } = await ana.get<{ status: DrillStatus }>(`/v1/drills/${drillId}`)
        if (status.phase === 'ended') break
        if (!approved && status.waitingFor.length > 0) {
          await ben.post(`/v1/drills/${drillId}/gates/approve/decision`, { answer: 'approve' })
          approved = true
        }
        await new Promise(resolve => setTimeout(resolve, approved ? 200 : 3))
      }
      const report = await ana.get<DrillReport>(`/v1/drills/${drillId}/report`)
      // The gate waits for nobody here, and what it took to see and answer it over HTTP is a person's time all the same.
      if (report.clock.faultToFirstWriteMs !== undefined) ours.push(report.clock.faultToFirstWriteMs)
      floor.push((await floorRun(lab.environment)).killToFirstWriteMs)
    }
    return [ratio(`failover, kill → first good write (median of ${ours.length})`, 'ms', percentile(ours, 0.5), percentile(floor, 0.5), 'plain script', 1.3)]
  } finally {
    await labDown(root, 'lab')
    await dev.stop()
    rmSync(root, { recursive: true, force: true })
  }
}
