import { outageOf } from '../drill/clock.js'
import type { DrillReport } from '../drill/report.js'
import type { DrillStatus } from '../drill/status.js'
import type { DrillEvent } from '../drill/timeline.js'

type Span = DrillReport['gantt'][number]

/** Bars in the order in which they began: the outage first, then steps, waits for people, undos. What is open ends with the record. */
export function ganttOf (events: DrillEvent[], status: DrillStatus): Span[] {
  const end = events.at(-1)?.atMs ?? status.startedAtMs
  const titles = new Map(status.steps.map(step => [step.id, step.title]))
  const undoTitles = new Map(status.ledger.map(line => [line.entry, line.title]))
  const spans: Span[] = []
  const open = new Map<string, Span>()
  const begin = (key: string, span: Omit<Span, 'toMs'>): void => {
    const opened = { ...span, toMs: end }
    open.set(key, opened)
    spans.push(opened)
  }
  const finish = (key: string, atMs: number): void => {
    const span = open.get(key)
    if (span) span.toMs = atMs
    open.delete(key)
  }
  for (const event of events) {
    switch (event.type) {
      case 'step.started': begin(event.step, { step: event.step, title: titles.get(event.step) ?? event.step, fromMs: event.atMs, kind: 'work' }); break
      case 'gate.opened':
      case 'task.opened':
        begin(`wait ${event.step}`, { step: event.step, title: titles.get(event.step) ?? event.step, fromMs: event.atMs, kind: 'waiting' })
        break
      case 'gate.closed':
      case 'task.confirmed': finish(`wait ${event.step}`, event.atMs); break
      case 'step.finished':
        finish(`wait ${event.step}`, event.atMs)
        finish(event.step, event.atMs)
        break
      case 'undo.started':
        if (!open.has(`undo ${event.entry}`)) begin(`undo ${event.entry}`, { step: event.entry, title: `undo: ${undoTitles.get(event.entry) ?? event.entry}`, fromMs: event.atMs, kind: 'undo' })
        break
      case 'undo.finished':
      case 'undo.leftBehind': finish(`undo ${event.entry}`, event.atMs); break
      default:
    }
  }
  const outage = outageOf(events)
  if (outage) spans.push({ step: 'outage', title: 'Outage, as the probe saw it', fromMs: outage.from, toMs: outage.to ?? end, kind: 'outage' })
  return spans.sort((a, b) => Number(b.kind === 'outage') - Number(a.kind === 'outage') || a.fromMs - b.fromMs)
}
