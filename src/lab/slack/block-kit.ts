/** A thing of Block Kit as it comes over the wire: nothing is known of it yet. */
export type Raw = Record<string, unknown>

/** What Slack says of a broken rule, e.g. `must be less than 3001 characters [json-pointer:/blocks/0/text/text]`. */
type Say = (pointer: string, message: string) => void

const messageBlocks = 50
const modalBlocks = 100
/** Undocumented, seen from 11,341 characters on: all blocks of a message together. */
const messageCharacters = 11_000

/** Breaks of Block Kit's rules in a message's blocks: the limits that its reference states. */
export function flawsOfBlocks (blocks: unknown): { error: 'invalid_blocks' | 'invalid_blocks_format' | 'msg_blocks_too_long', messages: string[] } | undefined {
  if (!Array.isArray(blocks)) return { error: 'invalid_blocks_format', messages: [] }
  const { say, messages } = listener()
  checkBlocks(blocks as Raw[], '/blocks', say, messageBlocks, false)
  if (messages.length > 0) return { error: 'invalid_blocks', messages }
  if (JSON.stringify(blocks).length > messageCharacters) return { error: 'msg_blocks_too_long', messages: [] }
}

/** The same for a modal. */
export function flawsOfView (view: Raw): string[] {
  const { say, messages } = listener()
  only(view, '', ['type', 'title', 'submit', 'close', 'blocks', 'private_metadata', 'callback_id', 'notify_on_close', 'clear_on_close', 'external_id'], say)
  if (view['type'] !== 'modal') say('/type', 'must be modal')
  for (const name of ['title', 'submit', 'close']) if (view[name] !== undefined || name === 'title') text(view[name], `/${name}`, 24, say, 'plain_text')
  string(view['private_metadata'] ?? '', '/private_metadata', 3000, say, 0)
  string(view['callback_id'] ?? '', '/callback_id', 255, say, 0)
  const blocks = Array.isArray(view['blocks']) ? view['blocks'] as Raw[] : []
  if (!Array.isArray(view['blocks'])) say('/blocks', 'must be an array')
  checkBlocks(blocks, '/blocks', say, modalBlocks, true)
  if (blocks.some(block => block['type'] === 'input') && view['submit'] === undefined) say('/submit', 'must be there, since the view has an input')
  return messages
}

function listener (): { say: Say, messages: string[] } {
  const messages: string[] = []
  return { say: (pointer, message) => { messages.push(`[ERROR] ${message} [json-pointer:${pointer}]`) }, messages }
}

function checkBlocks (blocks: Raw[], at: string, say: Say, most: number, inputs: boolean): void {
  if (blocks.length > most) say(at, `no more than ${most} items allowed`)
  const ids = blocks.map(block => block['block_id']).filter(id => id !== undefined)
  if (new Set(ids).size < ids.length) say(at, 'block_id must be unique')
  for (const [index, block] of blocks.entries()) checkBlock(block, `${at}/${index}`, say, inputs)
}

function checkBlock (block: Raw, at: string, say: Say, inputs: boolean): void {
  if (block['block_id'] !== undefined) string(block['block_id'], `${at}/block_id`, 255, say)
  switch (block['type']) {
    case 'header':
      only(block, at, ['type', 'block_id', 'text'], say)
      return text(block['text'], `${at}/text`, 150, say, 'plain_text')
    case 'section':
      only(block, at, ['type', 'block_id', 'text', 'fields', 'accessory', 'expand'], say)
      if (block['text'] === undefined && block['fields'] === undefined) say(at, 'missing required field: text or fields')
      if (block['text'] !== undefined) text(block['text'], `${at}/text`, 3000, say)
      list(block['fields'] ?? [], `${at}/fields`, 10, say, (field, where) => { text(field, where, 2000, say) })
      return
    case 'context':
      only(block, at, ['type', 'block_id', 'elements'], say)
      return list(block['elements'], `${at}/elements`, 10, say, (element, where) => { text(element, where, 3000, say) }, 1)
    case 'divider': return only(block, at, ['type', 'block_id'], say)
    case 'actions': {
      only(block, at, ['type', 'block_id', 'elements'], say)
      const names = (Array.isArray(block['elements']) ? block['elements'] as Raw[] : []).map(element => element['action_id'])
      if (new Set(names).size < names.length) say(`${at}/elements`, 'action_id must be unique within its block')
      return list(block['elements'], `${at}/elements`, 25, say, (element, where) => { checkElement(element, where, say) }, 1)
    }
    case 'input':
      if (!inputs) return say(at, 'unsupported type: input')
      only(block, at, ['type', 'block_id', 'label', 'element', 'hint', 'optional', 'dispatch_action'], say)
      text(block['label'], `${at}/label`, 2000, say, 'plain_text')
      if (block['hint'] !== undefined) text(block['hint'], `${at}/hint`, 2000, say, 'plain_text')
      return checkElement(block['element'] as Raw, `${at}/element`, say)
    default: say(`${at}/type`, `unsupported type: ${String(block['type'])}`)
  }
}

function checkElement (element: Raw, at: string, say: Say): void {
  if (typeof element !== 'object' || element === null) return say(at, 'must be an object')
  if (element['action_id'] !== undefined) string(element['action_id'], `${at}/action_id`, 255, say)
  const common = ['type', 'action_id', 'focus_on_load']
  switch (element['type']) {
    case 'button': {
      only(element, at, ['type', 'action_id', 'text', 'value', 'url', 'style', 'confirm', 'accessibility_label'], say)
      text(element['text'], `${at}/text`, 75, say, 'plain_text')
      if (element['value'] !== undefined) string(element['value'], `${at}/value`, 2000, say)
      if (element['url'] !== undefined) string(element['url'], `${at}/url`, 3000, say)
      if (element['style'] !== undefined && element['style'] !== 'primary' && element['style'] !== 'danger') say(`${at}/style`, 'must be a valid enum value')
      const confirm = element['confirm'] as Raw | undefined
      if (!confirm) return
      only(confirm, `${at}/confirm`, ['title', 'text', 'confirm', 'deny', 'style'], say)
      text(confirm['title'], `${at}/confirm/title`, 100, say, 'plain_text')
      text(confirm['text'], `${at}/confirm/text`, 300, say)
      text(confirm['confirm'], `${at}/confirm/confirm`, 30, say, 'plain_text')
      return text(confirm['deny'], `${at}/confirm/deny`, 30, say, 'plain_text')
    }
    case 'static_select':
      only(element, at, [...common, 'options', 'initial_option', 'placeholder', 'confirm'], say)
      list(element['options'], `${at}/options`, 100, say, (option, where) => { checkOption(option, where, say) }, 1)
      if (element['initial_option'] !== undefined && !(element['options'] as Raw[]).some(option => JSON.stringify(option) === JSON.stringify(element['initial_option']))) say(`${at}/initial_option`, 'must be one of the options')
      return
    case 'checkboxes':
      only(element, at, [...common, 'options', 'initial_options'], say)
      return list(element['options'], `${at}/options`, 10, say, (option, where) => { checkOption(option, where, say) }, 1)
    case 'plain_text_input':
      only(element, at, [...common, 'placeholder', 'initial_value', 'multiline', 'min_length', 'max_length', 'dispatch_action_config'], say)
      if (element['initial_value'] !== undefined) string(element['initial_value'], `${at}/initial_value`, 3000, say)
      if (Number(element['max_length'] ?? 1) > 3000) say(`${at}/max_length`, 'must be at most 3000')
      return
    case 'number_input':
      only(element, at, [...common, 'is_decimal_allowed', 'initial_value', 'min_value', 'max_value', 'placeholder'], say)
      if (typeof element['is_decimal_allowed'] !== 'boolean') say(`${at}/is_decimal_allowed`, 'missing required field')
      for (const name of ['initial_value', 'min_value', 'max_value']) if (element[name] !== undefined) string(element[name], `${at}/${name}`, 16, say)
      return
    default: say(`${at}/type`, `unsupported type: ${String(element['type'])}`)
  }
}

function checkOption (option: Raw, at: string, say: Say): void {
  only(option, at, ['text', 'value', 'description'], say)
  text(option['text'], `${at}/text`, 75, say)
  string(option['value'], `${at}/value`, 150, say)
}

function text (value: unknown, at: string, most: number, say: Say, type?: 'plain_text'): void {
  if (typeof value !== 'object' || value === null) return say(at, 'missing required field')
  const given = value as Raw
  const plain = given['type'] === 'plain_text'
  if (!plain && (given['type'] !== 'mrkdwn' || type === 'plain_text')) say(`${at}/type`, `unsupported type: ${String(given['type'])}`)
  only(given, at, plain ? ['type', 'text', 'emoji'] : ['type', 'text', 'verbatim'], say)
  string(given['text'], `${at}/text`, most, say)
}

function string (value: unknown, at: string, most: number, say: Say, least = 1): void {
  if (typeof value !== 'string') return say(at, 'must be a string')
  if (value.length < least) say(at, `must be more than ${least - 1} characters`)
  if (value.length > most) say(at, `must be less than ${most + 1} characters`)
}

function list (value: unknown, at: string, most: number, say: Say, check: (item: Raw, at: string) => void, least = 0): void {
  if (!Array.isArray(value)) return say(at, 'must be an array')
  if (value.length < least) say(at, `no fewer than ${least} items allowed`)
  if (value.length > most) say(at, `no more than ${most} items allowed`)
  for (const [index, item] of value.entries()) check(item as Raw, `${at}/${index}`)
}

function only (given: Raw, at: string, known: string[], say: Say): void {
  for (const name of Object.keys(given)) if (!known.includes(name)) say(at, `invalid additional property: ${name}`)
}
