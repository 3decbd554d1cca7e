import { DrillError } from '../../errors.js'
import { reasonModal, startModal } from '../../slack/modals.js'
import { escape } from '../../slack/text.js'
import { assertMay } from '../auth.js'
import { startChoices, type StartMetadata } from './command.js'
import type { MessageClick, ModalChoice, Shortcut } from './payloads.js'
import { pin } from './pins.js'
import { answerTo, whoIs, type Speaker, type Talk } from './talk.js'

/** What comes back with a form that asks for a reason. */
export interface ReasonMetadata { responseUrl: string, drillId: string, step?: string }

/** A button of a message. It only decides: the message is redrawn from the timeline, whoever decided and where. */
export async function click (talk: Talk, speaker: Speaker, payload: MessageClick): Promise<void> {
  const { action_id: action, action_ts: at, value = '' } = payload.actions[0]!
  const [drillId = '', step = ''] = value.split('|')
  // Names this one click: a double click is two of them, and one vote.
  const key = `slack:${speaker.user}:${payload.container.message_ts}:${at}`
  const metadata: ReasonMetadata = { responseUrl: speaker.responseUrl, drillId, ...step === '' ? {} : { step } }
  await answerTo(talk, speaker, async () => {
    switch (action) {
      // A button that is a link sends a click too.
      case 'run.view': return undefined
      case 'gate.approve': {
        const person = await whoIs(talk, speaker)
        assertMay(person, 'gate.decide')
        const { outcome, missing } = await talk.temporal.decide(drillId, { step, answer: 'approve', key, person, door: 'slack' })
        return outcome === 'undecided' ? { text: `✅ Your approval counts; ${missing} more ${missing === 1 ? 'is' : 'are'} needed.` } : undefined
      }
      case 'gate.reject': {
        const person = await whoIs(talk, speaker)
        assertMay(person, 'gate.decide')
        await talk.slack.openModal(payload.trigger_id, reasonModal({ callback: 'gate.reject', title: 'Reject', text: `Rejecting "${step}" ends drill ${drillId}, and what it did is undone.`, submit: 'Reject', metadata: JSON.stringify(metadata) }))
        return undefined
      }
      case 'drill.abort': {
        const person = await whoIs(talk, speaker, { proven: false })
        assertMay(person, 'drill.abort')
        await talk.slack.openModal(payload.trigger_id, reasonModal({ callback: 'drill.abort', title: 'Abort the drill', text: `Drill ${drillId} stops now, and what it did is undone.`, submit: 'Abort', metadata: JSON.stringify(metadata) }))
        return undefined
      }
      case 'task.done': {
        const person = await whoIs(talk, speaker)
        assertMay(person, 'task.confirm')
        await talk.temporal.confirm(drillId, { step, key, person, door: 'slack' })
        return undefined
      }
      default: throw new DrillError('input.invalid', 'this button is of another Muster, or of an older one')
    }
  })
}

/** Another runbook was chosen in the form: its own fields and environments come. */
export async function choose (talk: Talk, speaker: Pick<Speaker, 'user' | 'workspace'>, { view, actions }: ModalChoice): Promise<void> {
  const [action] = actions
  if (view.callback_id !== 'drill.start' || action?.action_id !== 'start.runbook' || !action.selected_option) return
  const metadata = JSON.parse(view.private_metadata) as StartMetadata
  await answerTo(talk, { ...speaker, responseUrl: metadata.responseUrl }, async () => {
    await talk.slack.updateModal(view.id, view.hash ?? '', startModal(await startChoices(talk, action.selected_option!.value, metadata)))
    return undefined
  })
}

/** The message's own menu: what a 📌 does, where the bot does not see reactions. */
export async function shortcut (talk: Talk, speaker: Speaker, { callback_id: callback, channel, message, message_ts: ts }: Shortcut): Promise<void> {
  if (callback !== 'timeline.add') return
  await answerTo(talk, speaker, async () => {
    const drillId = await pin(talk, speaker, { channel: channel.id, ts, text: message.text ?? '', threadTs: message.thread_ts })
    return { text: `📌 It stands in the timeline of ${escape(drillId)}.` }
  })
}
