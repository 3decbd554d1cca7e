import { randomBytes } from 'node:crypto'
import type { Raw } from './block-kit.js'
import { html, mrkdwn, plainOf } from './page-text.js'
import { script, style } from './page-assets.js'
import type { Message, OpenModal, Workspace } from './workspace.js'

/** The page around the channel. It takes nothing from elsewhere, and runs its own script only. */
export function drawPage (workspace: Workspace): { html: string, policy: string } {
  const nonce = randomBytes(12).toString('base64')
  return {
    policy: `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    html: `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>#${html(workspace.channels[0]?.name ?? '')} – local Slack</title><style nonce="${nonce}">${style}</style></head><body>
<header><h1># ${html(workspace.channels[0]?.name ?? '')}</h1><label>You are <select id="user">${workspace.users.filter(user => !user.isBot).map(user => `<option value="${html(user.id)}">${html(user.name)}</option>`).join('')}</select></label></header>
<main id="channel" aria-live="polite"></main>
<form id="say"><input id="text" placeholder="Message, or /drill status" aria-label="Message" autocomplete="off"><button>Send</button></form>
<div id="modal"></div><script nonce="${nonce}">${script}</script></body></html>`,
  }
}

/** The channel and the modal as one person sees them. */
export function drawView (workspace: Workspace, user: string): { channel: string, modal: string } {
  const roots = workspace.messages.filter(message => message.threadTs === undefined)
  const whispers = workspace.whispers.filter(whisper => whisper.user === user)
  const channel = [
    ...roots.map(root => `<article class="root">${drawMessage(workspace, root)}<div class="thread">${workspace.messages.filter(message => message.threadTs === root.ts).map(message => drawMessage(workspace, message)).join('')}</div></article>`),
    ...whispers.map(whisper => `<article class="whisper"><small>Only visible to you</small><div>${mrkdwn(workspace, whisper.text)}</div></article>`),
  ].join('')
  const modal = workspace.modals.get(user)
  return { channel: channel || '<p class="empty">Nothing here yet.</p>', modal: modal ? drawModal(workspace, modal) : '' }
}

function drawMessage (workspace: Workspace, message: Message): string {
  const author = workspace.users.find(user => user.id === message.user)?.name ?? 'Muster'
  const body = message.blocks.length > 0 ? message.blocks.map(block => drawBlock(workspace, block, message.ts)).join('') : `<p>${mrkdwn(workspace, message.text)}</p>`
  return `<section class="message" data-ts="${message.ts}"><div class="head"><b>${html(author)}</b>${message.user === 'UMUSTER' ? '<span class="app">APP</span>' : ''}${message.broadcast ? '<small>also sent to the channel</small>' : ''}${message.edits > 0 ? '<small>(edited)</small>' : ''}<button class="pin" data-act="pin" data-ts="${message.ts}" title="React with 📌" aria-label="React with 📌">📌</button></div>${body}</section>`
}

function drawBlock (workspace: Workspace, block: Raw, ts: string): string {
  const text = block['text'] as Raw | undefined
  switch (block['type']) {
    case 'header': return `<h2>${html(plainOf(text))}</h2>`
    case 'section': return `${text ? `<p>${mrkdwn(workspace, plainOf(text))}</p>` : ''}${Array.isArray(block['fields']) ? `<div class="fields">${(block['fields'] as Raw[]).map(field => `<div>${mrkdwn(workspace, plainOf(field))}</div>`).join('')}</div>` : ''}`
    case 'context': return `<small class="context">${(block['elements'] as Raw[]).map(element => mrkdwn(workspace, plainOf(element))).join(' ')}</small>`
    case 'divider': return '<hr>'
    case 'actions': return `<div class="actions">${(block['elements'] as Raw[]).map(element => drawButton(element, ts)).join('')}</div>`
    default: return ''
  }
}

function drawButton (element: Raw, ts: string): string {
  const confirm = element['confirm'] as Raw | undefined
  const label = html(plainOf(element['text'] as Raw))
  const url = element['url']
  if (typeof url === 'string') return `<a class="button" href="${html(/^https?:\/\//.test(url) ? url : '#')}" target="_blank" rel="noreferrer">${label}</a>`
  return `<button class="${html(String(element['style'] ?? ''))}" data-act="click" data-ts="${ts}" data-action="${html(String(element['action_id']))}"${confirm ? ` data-confirm="${html(`${plainOf(confirm['title'] as Raw)}\n\n${plainOf(confirm['text'] as Raw)}`)}"` : ''}>${label}</button>`
}

function drawModal (workspace: Workspace, { view, errors, trouble, hash }: OpenModal): string {
  const blocks = (view['blocks'] as Raw[]).map(block => block['type'] === 'input' ? drawInput(block, errors) : drawBlock(workspace, block, '')).join('')
  const submit = view['submit'] ? `<button class="primary" data-act="submit">${html(plainOf(view['submit'] as Raw))}</button>` : ''
  return `<div class="veil"><form class="modal" role="dialog" aria-modal="true" data-hash="${html(hash)}"><h2>${html(plainOf(view['title'] as Raw))}</h2>${trouble ? `<p class="error">${html(trouble)}</p>` : ''}${blocks}<div class="actions"><button type="button" data-act="close">${html(plainOf(view['close'] as Raw | undefined) || 'Cancel')}</button>${submit}</div></form></div>`
}

function drawInput (block: Raw, errors: Record<string, string>): string {
  const element = block['element'] as Raw
  const id = String(block['block_id'])
  const label = html(plainOf(block['label'] as Raw))
  const hint = block['hint'] ? `<small>${html(plainOf(block['hint'] as Raw))}</small>` : ''
  const error = errors[id] ? `<small class="error">${html(errors[id])}</small>` : ''
  const name = `name="${html(id)}"`
  const initial = html(String(element['initial_value'] ?? ''))
  const options = (element['options'] as Raw[] | undefined ?? [])
  const chosen = (element['initial_option'] as Raw | undefined)?.['value']
  const dispatch = block['dispatch_action'] === true ? ` data-dispatch="${html(String(element['action_id']))}"` : ''
  switch (element['type']) {
    case 'static_select': return `<label>${label}<select ${name}${dispatch}>${chosen === undefined ? '<option value=""></option>' : ''}${options.map(option => `<option value="${html(String(option['value']))}"${option['value'] === chosen ? ' selected' : ''}>${html(plainOf(option['text'] as Raw))}</option>`).join('')}</select>${hint}${error}</label>`
    case 'checkboxes': return `<fieldset><legend>${label}</legend>${options.map(option => `<label class="check"><input type="checkbox" ${name} value="${html(String(option['value']))}"> ${html(plainOf(option['text'] as Raw))}</label>`).join('')}${hint}${error}</fieldset>`
    case 'number_input': return `<label>${label}<input type="number" ${name} value="${initial}" min="${html(String(element['min_value'] ?? ''))}" max="${html(String(element['max_value'] ?? ''))}">${hint}${error}</label>`
    default: return `<label>${label}${element['multiline'] === true ? `<textarea ${name}>${initial}</textarea>` : `<input ${name} value="${initial}">`}${hint}${error}</label>`
  }
}
