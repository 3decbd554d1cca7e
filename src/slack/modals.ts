import { takes } from '../drill/params.js'
import type { Param } from '../drill/runbook.js'
import { hint, label, option, section, title, type Block, type Modal } from './blocks.js'
import { clip, escape, plain } from './text.js'

/** At most so many options has a select (docs.slack.dev, "Select menu element"), and so long a value. */
const mostOptions = 100
const longestValue = 150

export interface StartChoices {
  runbooks: Array<{ name: string, title: string }>
  /** The one that is chosen. */
  runbook: string
  environments: string[]
  environment?: string
  params: Record<string, Param>
  /** Whether one of the environments asks for the explicit opt-in. */
  production: boolean
  /** Comes back when it is submitted. */
  metadata: string
}

/** What starts a drill: runbook, environment, and a field for each parameter that the runbook declares. */
export function startModal (choices: StartChoices): Modal {
  const runbooks = choices.runbooks.slice(0, mostOptions).map(({ name, title }) => option(`${title} (${name})`, name))
  const environments = choices.environments.slice(0, mostOptions).map(name => option(name))
  const chosen = environments.find(one => one.value === choices.environment) ?? (environments.length === 1 ? environments[0] : undefined)
  return {
    type: 'modal',
    callback_id: 'drill.start',
    title: title('Start a drill'),
    submit: title('Start'),
    close: title('Cancel'),
    private_metadata: choices.metadata,
    blocks: [
      { type: 'input', block_id: 'runbook', dispatch_action: true, label: label('Runbook'), element: { type: 'static_select', action_id: 'start.runbook', options: runbooks, initial_option: runbooks.find(one => one.value === choices.runbook) ?? runbooks[0]! } },
      { type: 'input', block_id: `environment:${choices.runbook}`, label: label('Environment'), element: { type: 'static_select', action_id: 'value', options: environments, ...chosen ? { initial_option: chosen } : {} } },
      ...Object.entries(choices.params).slice(0, 80).map(([name, param]) => field(choices.runbook, name, param)),
      ...choices.production ? [production()] : [],
    ],
  }
}

/** Asks for a reason: of a rejection, or of an abort. */
export function reasonModal (about: { callback: 'gate.reject' | 'drill.abort', title: string, text: string, submit: string, metadata: string }): Modal {
  return {
    type: 'modal',
    callback_id: about.callback,
    title: title(about.title),
    submit: title(about.submit),
    close: title('Cancel'),
    private_metadata: about.metadata,
    blocks: [
      section(escape(about.text, 2000)),
      { type: 'input', block_id: 'reason', label: label('Reason'), element: { type: 'plain_text_input', action_id: 'value', multiline: true, max_length: 1000 }, hint: hint('It stands in the timeline and in the report') },
    ],
  }
}

/** The blocks of one runbook's fields: with its name, so that another runbook's do not inherit what was typed. */
export const fieldId = (runbook: string, name: string): string => `param:${runbook}:${name}`

function field (runbook: string, name: string, param: Param): Block {
  return {
    type: 'input',
    block_id: clip(fieldId(runbook, name), 255),
    label: label(name),
    hint: hint([param.description, `Takes ${takes(param)}.`].filter(Boolean).join(' ')),
    optional: param.default !== undefined,
    element: element(param),
  }
}

function element (param: Param): Extract<Block, { type: 'input' }>['element'] {
  const initial = param.default === undefined ? undefined : plain(String(param.default))
  const words = param.type === 'boolean' ? ['true', 'false'] : param.enum
  if (words && words.length > 0 && words.length <= mostOptions && words.every(word => word.length > 0 && word.length <= longestValue)) {
    const options = words.map(word => option(word))
    const chosen = options.find(one => one.value === initial)
    return { type: 'static_select', action_id: 'value', options, ...chosen ? { initial_option: chosen } : {} }
  }
  const given = initial === undefined || initial === '' ? {} : { initial_value: initial }
  if (param.type === 'integer') {
    return {
      type: 'number_input', action_id: 'value', is_decimal_allowed: false, ...given,
      ...param.minimum === undefined ? {} : { min_value: String(param.minimum) }, ...param.maximum === undefined ? {} : { max_value: String(param.maximum) },
    }
  }
  return { type: 'plain_text_input', action_id: 'value', max_length: 1000, ...given }
}

function production (): Block {
  return {
    type: 'input', block_id: 'production', optional: true, label: label('Production'), hint: hint('Asked for by environments of tier production, and by no other'),
    element: { type: 'checkboxes', action_id: 'value', options: [option('This is production, and I mean it', 'yes')] },
  }
}
