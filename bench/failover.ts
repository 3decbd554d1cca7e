import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { createApi, type Api } from '../src/cli/api.js'
import { follow } from '../src/cli/follow.js'
import { startDev } from '../src/dev/dev.js'
import type { DrillReport } from '../src/drill/report.js'
import type { DrillEvent, EventOf } from '../src/drill/timeline.js'
import { labDown, labUp } from '../src/lab/lab.js'
import { floorRun, type FloorTimes } from './floor.js'
import type { Bench } from './hold.js'
import { spread, type Figure } from './measure.js'

// Detection takes 200 to 300 ms by the moment of the kill alone: the median of a few rounds would be decided by that.
const rounds = 15

/** Kill to first good write: the whole engine beside the plain script, in turns on one lab. The gate is approved at once. */
export async function failover ({ hold, tell }: Bench): Promise<Figure[]> {
  const root = await hold.folder()
  tell('Muster starts')
  const dev = await hold.take(startDev({
    root, ports: 'free', headless: true, env: { MUSTER_RATE_LIMIT: '100000' },
    people: [{ id: 'ana', name: 'Ana', roles: ['commander'] }, { id: 'ben', name: 'Ben', roles: ['approver'] }],
  }), dev => dev.stop())
  tell('the lab starts')
  const lab = await hold.take(labUp({ root, webhook: { url: `${dev.apiUrl}/v1/alerts`, credentialsFile: join(root, 'alertmanager.key') } }), () => labDown(root, 'lab'))
  const temporal = await hold.take(Connection.connect({ address: dev.temporalAddress }), connection => connection.close())
  const client = new Client({ connection: temporal })
  const ana = createApi(dev.apiUrl, dev.keys['ana'])
  const ben = createApi(dev.apiUrl, dev.keys['ben'])

  const ours: Array<Parts & EngineParts> = []
  const floor: FloorTimes[] = []
  for (let round = 0; round <= rounds; round++) {
    tell(`a drill, ${round === 0 ? 'once to warm up' : `round ${round} of ${rounds}`}`)
    const report = await drill(ana, ben, lab.name)
    const parts = { ...partsOf(report), ...await engineParts(client, report.timeline) }
    tell(`  ${report.judgement.verdict}, ${shown(parts)}`)
    tell('the plain script')
    const times = await floorRun(lab.environment)
    tell(`  ${shown(times)}`)
    if (round === 0) continue
    ours.push(parts)
    floor.push(times)
  }
  return [{
    what: 'failover: kill → first good write',
    unit: 'ms',
    ours: spread(ours.map(parts => parts.killToFirstWriteMs)),
    peer: { name: 'plain script without an engine', ...spread(floor.map(times => times.killToFirstWriteMs)) },
    goals: [{ of: 'p50', ratio: 1.3 }],
    notes: [`ours, medians: ${shown(medians(ours))}`, `peer, medians: ${shown(medians(floor))}`],
  }]
}

/** One drill from its start to its report, approved as soon as its gate is seen. */
async function drill (ana: Api, ben: Api, environment: string): Promise<DrillReport> {
  const { drillId } = await ana.post<{ drillId: string }>('/v1/drills', { runbook: 'database-primary-failure', environment, params: { detection: 'probe', baseline: '1s' } })
  // As a page or a card would: it is told of the gate, and does not ask again and again what is measured meanwhile.
  for await (const followed of follow(ana, drillId, { signal: new AbortController().signal })) {
    if (followed.kind !== 'event' || followed.event.type !== 'gate.opened') continue
    await ben.post(`/v1/drills/${drillId}/gates/${followed.event.step}/decision`, { answer: 'approve' })
  }
  return await ana.get<DrillReport>(`/v1/drills/${drillId}/report`)
}

/** Where the time from the kill to the first good write went, ms; what an event says is when the workflow took note of it. */
interface Parts {
  killToFirstWriteMs: number
  detectMs: number
  /** Until the workflow has taken note and the gate is open. */
  toGateMs: number
  decideMs: number
  fenceMs: number
  promoteMs: number
  switchMs: number
}

function partsOf ({ clock, timeline, judgement }: DrillReport): Parts {
  const { faultAtMs, faultToFirstWriteMs } = clock
  const detected = find(timeline, 'outage.detected')
  const opened = find(timeline, 'gate.opened')
  const decided = find(timeline, 'gate.decided')
  if (faultAtMs === undefined || faultToFirstWriteMs === undefined || !detected || !opened || !decided) {
    throw new Error(`a drill has no measured recovery: ${judgement.verdict}, ${judgement.why}`)
  }
  const length = (step: string): number => {
    const at = (type: 'step.started' | 'step.finished'): number => timeline.find(event => event.type === type && event.step === step)?.atMs ?? NaN
    return at('step.finished') - at('step.started')
  }
  return {
    killToFirstWriteMs: faultToFirstWriteMs,
    detectMs: detected.detectedAtMs - faultAtMs,
    toGateMs: opened.atMs - detected.detectedAtMs,
    decideMs: decided.atMs - opened.atMs,
    fenceMs: length('fence'),
    promoteMs: length('promote'),
    switchMs: length('switch'),
  }
}

/** What Temporal itself took of the three steps, ms, by its own clock. */
interface EngineParts {
  /** Scheduled to started: until a worker has it. */
  activitiesWaitMs: number
  /** Started to completed: the work, and saying so. */
  activitiesRunMs: number
  /** What the actions themselves measured of that; the rest is checks before and after, and the worker's. */
  actionsSayMs: number
  /** From the completion of one to the scheduling of the next: workflow tasks. */
  betweenMs: number
}

async function engineParts (client: Client, timeline: DrillEvent[]): Promise<EngineParts> {
  const { events } = await client.workflow.getHandle(find(timeline, 'drill.started')!.drillId).fetchHistory()
  const timeOf = ({ eventTime }: NonNullable<typeof events>[number]): number => Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6
  const activities = ['postgres.fence', 'postgres.promote', 'haproxy.switch'].map(name => {
    const scheduled = events?.find(event => event.activityTaskScheduledEventAttributes?.activityType?.name === name)
    const started = events?.find(event => event.activityTaskStartedEventAttributes?.scheduledEventId?.toString() === scheduled?.eventId?.toString())
    const completed = events?.find(event => event.activityTaskCompletedEventAttributes?.scheduledEventId?.toString() === scheduled?.eventId?.toString())
    if (!scheduled || !started || !completed) throw new Error(`the drill's history has no completed ${name}`)
    return { scheduled: timeOf(scheduled), started: timeOf(started), completed: timeOf(completed) }
  })
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0)
  return {
    activitiesWaitMs: sum(activities.map(({ scheduled, started }) => started - scheduled)),
    activitiesRunMs: sum(activities.map(({ started, completed }) => completed - started)),
    actionsSayMs: sum(Object.entries({ fence: 'fenceMs', promote: 'promoteMs', switch: 'switchMs' }).map(([step, figure]) => {
      const finished = timeline.find(event => event.type === 'step.finished' && event.step === step)
      return Number(finished?.type === 'step.finished' ? finished.output?.[figure] : NaN)
    })),
    betweenMs: sum(activities.slice(1).map(({ scheduled }, index) => scheduled - activities[index]!.completed)),
  }
}

function find<T extends DrillEvent['type']> (timeline: DrillEvent[], type: T): EventOf<T> | undefined {
  return timeline.find((event): event is EventOf<T> => event.type === type)
}

function medians<T extends object> (list: T[]): T {
  return Object.fromEntries(Object.keys(list[0]!).map(name => [name, spread(list.map(parts => (parts as Record<string, number>)[name]!)).p50])) as T
}

function shown (parts: object): string {
  return Object.entries(parts).map(([name, ms]) => `${name.replace(/Ms$/, '')} ${Math.round(ms as number)}`).join(', ')
}
