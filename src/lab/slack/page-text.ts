import type { Raw } from './block-kit.js'
import type { Workspace } from './workspace.js'

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export function html (text: string): string {
  return text.replace(/[&<>"']/g, character => entities[character]!)
}

export function plainOf (text: Raw | undefined): string {
  return String(text?.['text'] ?? '')
}

/** mrkdwn as HTML: what stands in `<…>` is a link, a person, a date or a mention of many; everything else is text, and escaped. */
export function mrkdwn (workspace: Workspace, text: string): string {
  return text.split(/(<[^<>]+>)/).map(part => part.startsWith('<') && part.endsWith('>') ? token(workspace, part.slice(1, -1)) : marked(html(unescape(part)))).join('').replaceAll('\n', '<br>')
}

function marked (text: string): string {
  return text.replace(/(^|[\s(])\*([^*\n]+)\*(?=$|[\s.,:;)])/g, '$1<b>$2</b>').replace(/`([^`\n]+)`/g, '<code>$1</code>')
}

function token (workspace: Workspace, inside: string): string {
  const [target = '', shown] = inside.split('|')
  if (target.startsWith('@')) return `<span class="mention">@${html(workspace.users.find(user => user.id === target.slice(1))?.name ?? target.slice(1))}</span>`
  const date = /^!date\^(\d+)\^/.exec(target)
  if (date) return `<time datetime="${new Date(Number(date[1]) * 1000).toISOString()}">${html(new Date(Number(date[1]) * 1000).toISOString().slice(11, 19))}</time>`
  if (target.startsWith('!')) return `<span class="mention everybody">@${html(target.slice(1).split('^')[0]!)}</span>`
  return /^https?:\/\//.test(target) ? `<a href="${html(target)}" target="_blank" rel="noreferrer">${html(unescape(shown ?? target))}</a>` : html(inside)
}

function unescape (text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
