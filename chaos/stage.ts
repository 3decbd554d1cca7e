import { randomUUID } from 'node:crypto'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { timeline } from '../workflows/messages.js'
import { createApi, type Api } from '../src/cli/api.js'
import { startDev, type Dev } from '../src/dev/dev.js'
import type { Environment } from '../src/drill/environment.js'
import type { DrillEvent } from '../src/drill/timeline.js'
import { DrillError } from '../src/errors.js'
import { labDown, labUp, type Lab } from '../src/lab/lab.js'
import { leaseFolder, type LeaseFolder } from '../src/lease/folder.js'

/** What the interceptor of the worker is told: at which activity it does what, once. */
export interface Order { activity: string, stepId?: string, nth?: number, deed: 'fail' | 'lose' | 'die-before' | 'die-in' | 'die-after' | 'hold' | 'lie', inMs?: number }

/** The whole of Muster as processes of their own, and one lab: what cases share as long as each proves it whole again. */
export interface Stage {
  root: string
  dev: Dev
  lab: Lab
  /** Commander; two more who hold every other role, so that any quorum of two is there. */
  ana: Api
  others: Api[]
  temporal: Client
  leases: LeaseFolder
  environment: Environment
  /** Pids of all servers of the lab that were ever looked at: an orphan tells only who made it, and other labs have theirs. */
  seenServers: Set<number>
  start: (runbook: string, params?: Record<string, unknown>) => Promise<string>
  /** Events as the workflow holds them; throws where no worker or no Temporal answers. */
  eventsOf: (drillId: string, after: number) => Promise<DrillEvent[]>
  give: (order: Order) => void
  /** Whether the order was carried out, or begun. */
  isTaken: () => boolean
  /** What is held goes on. */
  goOn: () => void
  /** Forgets the last order, and what was noted. */
  clear: () => void
  /** Activities that were really begun since, one a try. */
  calls: () => Array<{ atMs: number, activity: string, stepId: string, attempt: number }>
  down: () => Promise<void>
}

/** Lease of the runbooks' second copies, s: so that nobody waits half a minute for each watchdog's revert. */
export const shortLeaseSeconds = 6

/** A copy of each runbook with a short lease: nothing else differs. */
export const shortly = (runbook: string): string => `${runbook}-short-lease`

/** Starts everything in a folder of its own. @param options.tell gets a line for each part that is up  @param options.volumes the lab's disks are some of their own */
export async function openStage ({ tell, volumes = false }: { tell?: (line: string) => void, volumes?: boolean } = {}): Promise<Stage> {
  const root = mkdtempSync(join(tmpdir(), 'muster-chaos-'))
  // The servers run as another user, who must get in.
  chmodSync(root, 0o755)
  const orders = join(root, 'chaos')
  mkdirSync(orders)
  const runbooks = join(root, 'runbooks')
  cpSync('runbooks', runbooks, { recursive: true })
  for (const file of readdirSync(runbooks).filter(file => file.endsWith('.yaml'))) {
    const text = readFileSync(join(runbooks, file), 'utf8')
    if (/^steps:/m.test(text)) writeFileSync(join(runbooks, `${shortly(basename(file, '.yaml'))}.yaml`), `${text.trimEnd()}\nmaxLease: ${shortLeaseSeconds}s\n`)
  }
  const dev = await startDev({
    root, ports: 'free', headless: true, onProgress: tell,
    env: {
      MUSTER_RATE_LIMIT: '1000000', MUSTER_RUNBOOKS: runbooks, MUSTER_CHAOS: orders,
      NODE_OPTIONS: `--import=${fileURLToPath(new URL('interceptor.mjs', import.meta.url))}`,
    },
    people: [
      { id: 'ana', name: 'Ana', roles: ['commander'] },
      { id: 'ben', name: 'Ben', roles: ['approver', 'management', 'engineer', 'commander'] },
      { id: 'cy', name: 'Cy', roles: ['approver', 'management', 'engineer', 'commander'] },
    ],
  })
  const connection = Connection.lazy({ address: dev.temporalAddress, connectTimeout: '2s' })
  const temporal = new Client({ connection })
  const webhook = { url: `${dev.apiUrl}/v1/alerts`, credentialsFile: join(root, 'alertmanager.key') }
  const down = async (): Promise<void> => {
    await labDown(root)
    await connection.close()
    await dev.stop()
    rmSync(root, { recursive: true, force: true })
  }
  try {
    const lab = await labUp({ root, webhook, volumes, onProgress: tell })
    const ana = createApi(dev.apiUrl, dev.keys.ana)
    const stage: Stage = {
      root, dev, lab, ana, temporal, down,
      others: [createApi(dev.apiUrl, dev.keys.ben), createApi(dev.apiUrl, dev.keys.cy)],
      leases: leaseFolder(join(root, 'leases')),
      environment: lab.environment,
      seenServers: new Set(),
      start: async (runbook, params) => {
        // The same key again is the same drill, however often the answer got lost.
        const idempotencyKey = randomUUID()
        return await tried(async () => (await ana.post<{ drillId: string }>('/v1/drills', { runbook, environment: lab.name, params }, { idempotencyKey, deadlineMs: 60_000 })).drillId)
      },
      eventsOf: async (drillId, after) => await connection.withDeadline(Date.now() + 2000, async () => await temporal.workflow.getHandle(drillId).query(timeline, { after })),
      give: order => {
        writeFileSync(join(orders, 'order.new'), JSON.stringify({ id: randomUUID(), ...order }))
        renameSync(join(orders, 'order.new'), join(orders, 'order.json'))
      },
      isTaken: () => existsSync(join(orders, 'taken.json')),
      goOn: () => { writeFileSync(join(orders, 'go-on'), '') },
      clear: () => { for (const file of readdirSync(orders)) rmSync(join(orders, file)) },
      calls: () => existsSync(join(orders, 'calls')) ? readFileSync(join(orders, 'calls'), 'utf8').trim().split('\n').map(line => JSON.parse(line) as ReturnType<Stage['calls']>[number]) : [],
    }
    return stage
  } catch (error) {
    await down()
    throw error
  }
}

/** Tries again while what fails may pass: a part of Muster is away, and comes back. */
export async function tried<T> (ask: () => Promise<T>, withinMs = 60_000): Promise<T> {
  const end = Date.now() + withinMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof DrillError && error.retryable) || Date.now() > end) throw error
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  }
}
