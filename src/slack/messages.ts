import { statusOf } from '../drill/status.js'
import type { DrillEvent, EventOf } from '../drill/timeline.js'
import { banner, section, type Drawn } from './blocks.js'
import { drawCard, drawEnd } from './card.js'
import { drawGate, drawNudge } from './gate.js'
import { drawLog } from './log.js'
import { peopleSteps } from './people-step.js'
import type { Surroundings } from './surroundings.js'
import { escape } from './text.js'

/** One message that a drill should have in its channel now. */
export interface Message extends Drawn {
  /** What it is, stable over the life of the drill: `card`, `gate:STEP`, `log:1`, … The card is first, and all others are in its thread. */
  key: string
  /** Shown in the channel too, where it is posted. */
  broadcast: boolean
}

/**
 * Every message of a drill, as its timeline stands: a pure fold, so that it does not matter how long nobody could draw, or through
 * which door a decision came. In the order of urgency: what asks people goes before what informs them. None for a drill that was
 * not admitted.
 */
export function messagesOf (events: DrillEvent[], around: Surroundings): Message[] {
  const status = statusOf(events)
  if (!status || !events.some(event => event.type === 'drill.admitted')) return []
  const gates = peopleSteps(events)
  const asking = gates.flatMap((gate): Message[] => {
    const drawn: Message = { key: `${gate.kind}:${gate.step}`, broadcast: !gate.closed, ...drawGate(gate, status, events, around) }
    // Who was to be reminded of what is decided by now is not reminded.
    if (gate.closed) return [drawn]
    return [drawn,
      ...gate.escalated ? [{ key: `escalated:${gate.step}`, broadcast: true, ...drawNudge(gate, status, 'escalation', around) }] : [],
      ...gate.reminded ? [{ key: `reminded:${gate.step}:${gate.reminded.seq}`, broadcast: false, ...drawNudge(gate, status, 'reminder', around) }] : []]
  })
  const abort = events.find((event): event is EventOf<'abort.requested'> => event.type === 'abort.requested')
  const loss = events.findLast((event): event is EventOf<'check.answered'> => event.type === 'check.answered' && event.loss !== undefined)?.loss
  return [
    { key: 'card', broadcast: false, ...drawCard(status, around) },
    ...asking,
    ...abort ? [{ key: 'abort', broadcast: true, ...drawAbort(abort, status.environment) }] : [],
    ...status.phase === 'ended' ? [{ key: 'end', broadcast: true, ...drawEnd(status, loss, around) }] : [],
    ...drawLog(events).map((drawn, index) => ({ key: `log:${index + 1}`, broadcast: false, ...drawn })),
  ]
}

function drawAbort (abort: EventOf<'abort.requested'>, environment: string): Drawn {
  const target = environment.toUpperCase()
  return {
    text: `${banner}: aborted by ${escape(abort.person.name)} (${escape(target)}): ${escape(abort.reason)}`,
    blocks: [section(`*${banner}* (${escape(target)}): 🚫 aborted by ${escape(abort.person.name)}: “${escape(abort.reason, 1000)}”. What was done is undone now.`)],
  }
}
