import type { ChatPostMessageArguments, ViewsOpenArguments } from '@slack/web-api'
import { clip, plain } from './text.js'

/** A modal, as views.open takes it. */
export type Modal = ViewsOpenArguments['view']
export type Block = Extract<Modal, { type: 'modal' }>['blocks'][number]
/** What a message looks like. `text` is the notification, and what a screen reader reads instead of the blocks. */
export interface Drawn { text: string, blocks: Block[] }
/** What Muster marks its messages with, so that it finds one that it may have posted. */
export type Metadata = NonNullable<Extract<ChatPostMessageArguments, { metadata?: unknown }>['metadata']>

/** Limits of Block Kit (docs.slack.dev, "Blocks" and "Block elements"), in UTF-16 units. */
export const limits = {
  header: 150, section: 3000, field: 2000, context: 2000, button: 75, confirmTitle: 100, confirmText: 300, confirmButton: 30, option: 75, label: 2000, hint: 2000, modalTitle: 24,
}

export const banner = 'THIS IS A DRILL'

const plainText = (text: string, length: number) => ({ type: 'plain_text' as const, text: clip(plain(text), length) || '–', emoji: true })
/** `verbatim`: what looks like a link or a mention in somebody's text is not made one. */
const mrkdwn = (text: string, length: number) => ({ type: 'mrkdwn' as const, text: clip(text, length) || '–', verbatim: true })

export const header = (text: string): Block => ({ type: 'header', text: plainText(text, limits.header) })
export const section = (text: string): Block => ({ type: 'section', text: mrkdwn(text, limits.section) })
/** Two columns; ten at most. */
export const fields = (texts: string[]): Block => ({ type: 'section', fields: texts.slice(0, 10).map(text => mrkdwn(text, limits.field)) })
export const context = (text: string): Block => ({ type: 'context', elements: [mrkdwn(text, limits.context)] })
export const option = (text: string, value = text) => ({ text: plainText(text, limits.option), value })
export const label = (text: string) => plainText(text, limits.label)
export const hint = (text: string) => plainText(text, limits.hint)
export const title = (text: string) => plainText(text, limits.modalTitle)

export interface ButtonOptions { id: string, text: string, value?: string, url?: string, style?: 'primary' | 'danger', confirm?: { title: string, text: string, confirm: string } }

export function button ({ id, text, value, url, style, confirm }: ButtonOptions) {
  return {
    type: 'button' as const,
    action_id: id,
    text: plainText(text, limits.button),
    ...(value === undefined ? {} : { value }),
    ...(url === undefined ? {} : { url }),
    ...(style === undefined ? {} : { style }),
    ...(confirm === undefined
      ? {}
      : {
          confirm: {
            title: plainText(confirm.title, limits.confirmTitle),
            text: plainText(confirm.text, limits.confirmText),
            confirm: plainText(confirm.confirm, limits.confirmButton),
            deny: plainText('Go back', limits.confirmButton),
          },
        }),
  }
}

export const actions = (id: string, ...elements: Array<ReturnType<typeof button>>): Block => ({ type: 'actions', block_id: clip(id, 255), elements })

/** Lines as sections of at most 3,000 characters, and at most `length` in all; what does not fit is counted. */
export function paragraphs (lines: string[], length: number): Block[] {
  const blocks: Block[] = []
  let text = ''
  let sum = 0
  for (const [index, line] of lines.entries()) {
    if (sum + line.length > length) {
      text += `\n… and ${lines.length - index} more`
      break
    }
    if (text !== '' && text.length + line.length > limits.section - 100) {
      blocks.push(section(text))
      text = ''
    }
    text += `${text === '' ? '' : '\n'}${line}`
    sum += line.length + 1
  }
  if (text !== '') blocks.push(section(text))
  return blocks
}
