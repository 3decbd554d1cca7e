import type { Param } from '../../drill/runbook.js'
import { DrillError } from '../../errors.js'
import { fieldId } from '../../slack/modals.js'
import { runUrl } from '../../slack/surroundings.js'
import { escape } from '../../slack/text.js'
import { newDrillId, prepare, type Wanted } from '../preparing.js'
import { assertMay } from '../auth.js'
import { startDrill } from '../starting.js'
import type { ReasonMetadata } from './clicks.js'
import type { StartMetadata } from './command.js'
import type { Submission } from './payloads.js'
import { answerTo, refusalText, whoIs, type Speaker, type Talk } from './talk.js'

/** What a form is answered with: nothing closes it, errors stand beside their fields. */
export type FormAnswer = { response_action: 'errors', errors: Record<string, string> } | undefined
type Person = Pick<Speaker, 'user' | 'workspace'>

/** How long a form waits for the answer, ms: Slack gives three seconds in all. */
const patienceMs = 2000

/** A form was sent. What takes longer than Slack waits goes on, and is told to who sent it, alone. */
export async function submit (talk: Talk, from: Person, submission: Submission, later: (work: Promise<void>) => void): Promise<FormAnswer> {
  switch (submission.view.callback_id) {
    case 'drill.start': return await submitStart(talk, from, submission, later)
    case 'gate.reject': return await submitReason(talk, from, submission, later, async ({ drillId, step = '' }, reason) => {
      const person = await whoIs(talk, from)
      assertMay(person, 'gate.decide')
      await talk.temporal.decide(drillId, { step, answer: 'reject', reason, key: `slack:${from.user}:${submission.view.id}`, person, door: 'slack' })
    })
    case 'drill.abort': return await submitReason(talk, from, submission, later, async ({ drillId }, reason) => {
      const person = await whoIs(talk, from, { proven: false })
      assertMay(person, 'drill.abort')
      await talk.temporal.abort(drillId, { reason, person, door: 'slack' })
    })
    default: throw new DrillError('input.invalid', 'this form is of another Muster, or of an older one')
  }
}

/** A refusal that comes in time stands in the form, so that what was typed is not lost. */
async function submitReason (
  talk: Talk, from: Person, { view }: Submission, later: (work: Promise<void>) => void, act: (metadata: ReasonMetadata, reason: string) => Promise<void>
): Promise<FormAnswer> {
  const metadata = JSON.parse(view.private_metadata) as ReasonMetadata
  const reason = (valueIn(view.state.values, 'reason') ?? '').trim()
  if (reason === '') return { response_action: 'errors', errors: { reason: 'Say why, in a few words' } }
  const acting = act(metadata, reason)
  acting.catch(() => {})
  const early = await Promise.race([
    acting.then(() => 'done' as const, (error: unknown) => ({ error })),
    new Promise<'late'>(resolve => { setTimeout(() => { resolve('late') }, patienceMs).unref() }),
  ])
  if (early === 'done') return undefined
  if (early === 'late') {
    later(answerTo(talk, { ...from, responseUrl: metadata.responseUrl }, async () => { await acting; return undefined }))
    return undefined
  }
  return { response_action: 'errors', errors: { reason: plainRefusal(early.error, talk, from) } }
}

async function submitStart (talk: Talk, from: Person, { view }: Submission, later: (work: Promise<void>) => void): Promise<FormAnswer> {
  const metadata = JSON.parse(view.private_metadata) as StartMetadata
  const { values } = view.state
  const runbook = valueIn(values, 'runbook') ?? ''
  const environmentField = `environment:${runbook}`
  const catalog = await talk.catalog()
  try {
    const declared = catalog.runbook(runbook).value.params ?? {}
    const wanted: Wanted = {
      runbook, environment: valueIn(values, environmentField) ?? '', params: paramsIn(values, runbook, declared),
      ...valueIn(values, 'production') === undefined ? {} : { production: true },
    }
    const person = await whoIs(talk, from)
    assertMay(person, 'drill.start')
    prepare(catalog, wanted, person, newDrillId(runbook, new Date()))
    // Preflight looks at a living environment, which takes longer than a form may stay open.
    later(answerTo(talk, { ...from, responseUrl: metadata.responseUrl }, async () => {
      const { drillId } = await startDrill(talk, person, wanted, `slack:${view.id}`)
      return { text: `▶️ <${runUrl(talk.config, drillId)}|${escape(drillId)}> runs now.` }
    }))
    return undefined
  } catch (error) {
    const text = plainRefusal(error, talk, from)
    const problems = error instanceof DrillError && error.code === 'params.invalid' ? error.details as Array<{ message: string }> : []
    const perField = problems.flatMap(({ message }): Array<[string, string]> => {
      const name = /^parameter "([^"]+)"/.exec(message)?.[1]
      return name === undefined ? [] : [[fieldId(runbook, name).slice(0, 255), message]]
    })
    return { response_action: 'errors', errors: perField.length > 0 ? Object.fromEntries(perField) : { [environmentField]: text } }
  }
}

/** Text beside a field is plain: nothing in it is marked up. */
function plainRefusal (error: unknown, talk: Talk, from: Person): string {
  return refusalText(error, talk, from).replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&').slice(0, 1000)
}

type Values = Submission['view']['state']['values']

/** What was typed or chosen in a block; undefined where nothing was. */
function valueIn (values: Values, block: string): string | undefined {
  const [given] = Object.values(values[block] ?? {})
  return given?.value ?? given?.selected_option?.value ?? given?.selected_options?.[0]?.value ?? undefined
}

function paramsIn (values: Values, runbook: string, declared: Record<string, Param>): Record<string, string> {
  return Object.fromEntries(Object.keys(declared).flatMap(name => {
    const value = valueIn(values, fieldId(runbook, name).slice(0, 255))
    return value === undefined ? [] : [[name, value]]
  }))
}
