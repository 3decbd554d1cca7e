import { randomUUID } from 'node:crypto'
import { Type } from 'typebox'
import { mayProgress } from '../drill/progress.js'
import { statusOf } from '../drill/status.js'
import { DrillError } from '../errors.js'
import { drawAsks, drawRegions, regionNames, render, type Link } from '../pages/index.js'
import { readSamples } from '../store/samples.js'
import { personOf } from './auth.js'
import { livePoints } from './board.js'
import type { ApiConfig, App } from './deps.js'
import { doneTexts, saysOf } from './page-forms.js'
import { pageConfig, sendPage, type PageParts } from './page-parts.js'
import { formats, isOver, reportFacts, sendReport } from './reports.js'
import { Strict } from './schemas/answers.js'
import { DrillParams } from './schemas/ids.js'
import { oneOf } from './schemas/status.js'
import { recordedEvents } from './timeline.js'

/** `/drills/ID`: the drill while it runs, and its report afterwards. */
export function runPage (app: App, parts: PageParts): void {
  const { sessions, viewerOf, config, reports } = parts

  app.get('/drills/:id', {
    config: pageConfig(sessions, 'read'),
    schema: { hide: true, params: DrillParams, querystring: Strict({ done: Type.Optional(oneOf(Object.keys(doneTexts))) }) },
  }, async (request, reply) => {
    const { id } = request.params
    const viewer = viewerOf(request)
    const events = await recordedEvents(parts, id)
    const links = linksOf(config, id)
    const nowMs = Date.now()
    if (isOver(events)) {
      const report = reports.build(await reportFacts(parts, id))
      const { runbook, environment, runbookTitle } = statusOf(events)!
      const exports = formats.map(format => ({ text: format.toUpperCase(), url: `/drills/${encodeURIComponent(id)}/report?format=${format}` }))
      return sendPage(reply, render('over', { body: reports.body(report), runbook, environment, links, exports }), { title: runbookTitle, nowMs, viewer })
    }
    const status = statusOf(events)
    if (!status) throw new DrillError('report.unavailable', `drill ${id} is asked for, and nothing is recorded of it yet: no worker has taken it up`)
    const [samples, progress] = await Promise.all([
      readSamples(parts.store.pool, id, { maxPoints: livePoints }).catch(() => []),
      mayProgress(status) ? parts.temporal.progress(id).catch(() => []) : [],
    ])
    const regions = {
      ...drawRegions({ events, status, samples, progress, nowMs, links }),
      asks: drawAsks(events, status, { person: personOf(request), formToken: viewer.formToken }),
    }
    const inside = render('run', {
      drillId: id, formToken: viewer.formToken, regions: regionNames.map(name => [name, regions[name] ?? '']),
      says: saysOf(personOf(request), randomUUID()), done: request.query.done === undefined ? undefined : doneTexts[request.query.done],
    })
    return sendPage(reply, inside, { title: status.runbookTitle, nowMs, viewer, live: `/drills/${encodeURIComponent(id)}/live` })
  })

  app.get('/drills/:id/report', {
    config: pageConfig(sessions, 'read'),
    schema: { hide: true, params: DrillParams, querystring: Strict({ format: oneOf(formats) }) },
  }, async (request, reply) => {
    const { id } = request.params
    return await sendReport(reply, id, request.query.format, reports, reports.build(await reportFacts(parts, id)))
  })
}

/** Where else the drill can be looked at. */
export function linksOf ({ temporalUi, logsUrl }: ApiConfig, drillId: string): Link[] {
  const id = encodeURIComponent(drillId)
  return [
    ...(temporalUi === undefined ? [] : [{ text: 'Temporal', url: `${temporalUi}/workflows/${id}` }]),
    ...(logsUrl === undefined ? [] : [{ text: 'Logs', url: logsUrl.replaceAll('{drill}', id) }]),
  ]
}
