import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { DrillReport, ReportFacts } from '../drill/report.js'
import type { DrillEvent, EventOf } from '../drill/timeline.js'
import { DrillError } from '../errors.js'
import { lastDrills } from '../store/drills.js'
import { resultsOf } from '../store/results.js'
import { readSamples } from '../store/samples.js'
import { exportTimeline } from '../store/timeline.js'
import { assertKnown, insteadOfStore } from './current-status.js'
import type { App, AppDeps, Reports } from './deps.js'
import { answers, Failure, Strict } from './schemas/answers.js'
import { DrillParams } from './schemas/ids.js'
import { oneOf } from './schemas/status.js'

export const formats = ['json', 'md', 'html', 'csv'] as const
export type Format = typeof formats[number]

const types: Record<Format, string> = { json: 'application/json', md: 'text/markdown', html: 'text/html', csv: 'text/csv' }
const drawings: Record<Format, (reports: Reports, report: DrillReport) => string> = {
  json: (reports, report) => reports.json(report),
  md: (reports, report) => reports.markdown(report),
  html: (reports, report) => reports.html(report),
  csv: (reports, report) => reports.csv(report),
}
/** A report, or a result, is one file without scripts and with its styles inside; whatever stands in it, nothing of it may run or load. */
export const filePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const text = { schema: Type.String() }
/** Each answer is a text that is ready: the digest covers the JSON to the letter, so it is never serialised again. */
const Drawn = {
  description: 'The report',
  content: { [types.json]: { schema: Type.Object({}, { additionalProperties: true }) }, [types.md]: text, [types.html]: text, [types.csv]: text },
} as unknown as ReturnType<typeof Type.Unsafe<string>>

/** The report of a drill that has ended. */
export function reportRoutes (app: App, deps: AppDeps): void {
  const { reports } = deps

  app.get('/v1/drills/:id/report', {
    config: { right: 'read' },
    schema: {
      operationId: 'drillReport', tags: ['drills'], summary: 'The report, as JSON, Markdown, HTML or (its timeline) CSV',
      description: 'By `format`, else by the Accept header. Made once the drill has ended; before that 404 `report.unavailable`.',
      params: DrillParams, querystring: Strict({ format: Type.Optional(oneOf(formats)) }),
      response: answers({ 200: Drawn, 406: Failure }),
    },
  }, async (request, reply) => {
    const { id } = request.params
    const format = request.query.format ?? accepted(request.headers.accept)
    reply.header('vary', 'accept')
    return await sendReport(reply, id, format, reports, reports.build(await reportFacts(deps, id)))
  })
}

/**
 * What the report of a drill that has ended is made from: the store's record, or where that is away what the workflow holds.
 * @throws DrillError `report.unavailable` before the end, `drill.unknown`
 */
export async function reportFacts (deps: Pick<AppDeps, 'store' | 'temporal'>, id: string): Promise<ReportFacts> {
  const { temporal } = deps
  // Samples and earlier drills are the store's alone; the drill itself is with Temporal too.
  const fromTemporal = async (): Promise<ReportFacts> => ({ events: await temporal.timeline(id, 0), samples: [], earlier: [] })
  const facts = await recorded(deps, id).catch(async (error: unknown) => await insteadOfStore<ReportFacts>(error, fromTemporal))
  if (isOver(facts.events)) return facts
  // The workflow knows of the end a moment before the record does; one that ends in this moment answers no more, and then all is on record.
  const events = await temporal.timeline(id, 0).catch((error: unknown) => ({ error }))
  const whole = 'error' in events ? await recorded(deps, id) : { ...facts, events, chainHead: undefined }
  if (isOver(whole.events)) return whole
  // Whoever could not be asked has not said that it goes on.
  throw 'error' in events ? events.error : new DrillError('report.unavailable', `drill ${id} has not ended; its report is made when it has`)
}

async function recorded (deps: Pick<AppDeps, 'store' | 'temporal'>, id: string): Promise<ReportFacts> {
  const { store } = deps
  await assertKnown(deps, id)
  const { events, head } = await exportTimeline(store.pool, id)
  const started = events.map(({ event }) => event).find((event): event is EventOf<'drill.started'> => event.type === 'drill.started')
  const [samples, results, earlier] = await Promise.all([
    readSamples(store.pool, id),
    resultsOf(store.pool, id),
    started ? lastDrills(store.pool, started.runbook, started.environment, 3, { except: id }) : [],
  ])
  return { events: events.map(({ event }) => event), samples, results, earlier, chainHead: head }
}

/** A report in one of its formats, as a file, under a policy that lets nothing of it run or load. */
export async function sendReport (reply: FastifyReply, id: string, format: Format, reports: Reports, report: DrillReport): Promise<FastifyReply> {
  const extension = format === 'csv' ? 'timeline.csv' : `report.${format}`
  reply.header('content-disposition', `${format === 'html' ? 'inline' : 'attachment'}; filename="${id.replaceAll(':', '-')}.${extension}"`)
  return await reply.header('content-security-policy', filePolicy).type(`${types[format]}; charset=utf-8`).send(drawings[format](reports, report))
}

/** Whether a drill has ended, by its record. */
export function isOver (events: DrillEvent[]): boolean {
  // Not the last one always: what was left behind may have been undone since.
  return events.some(event => event.type === 'drill.ended')
}

/** The first format that an Accept header takes, by its weights. @throws DrillError `input.notAcceptable` */
export function accepted (header: string | undefined): Format {
  const wanted = (header ?? '*/*').split(',').slice(0, 50).map(part => {
    const [type = '', ...parameters] = part.trim().toLowerCase().split(';').map(piece => piece.trim())
    const weight = parameters.find(parameter => parameter.startsWith('q='))
    return { type, weight: weight === undefined ? 1 : Number(weight.slice(2)) || 0 }
  }).filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight)
  for (const { type } of wanted) {
    if (type === '*/*') return 'json'
    const format = (Object.keys(types) as Format[]).find(format => types[format] === type || (type.endsWith('/*') && types[format].startsWith(type.slice(0, -1))))
    if (format) return format
  }
  throw new DrillError('input.notAcceptable', `a report is ${Object.values(types).join(', ')}; ask for one of them`)
}
