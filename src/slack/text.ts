import { withoutControls } from '../drill/plain.js'

/**
 * Text from elsewhere (names, reasons, titles, errors) for a mrkdwn text: one line, without control characters and without a way to
 * mention or to link anybody. `&` goes first, else it would escape the escapes (docs.slack.dev, "Formatting message text").
 */
export function escape (text: string, length = 300): string {
  return clip(plain(text), length).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** The same for a plain text, where nothing is marked up: a header, a button, an option. */
export function plain (text: string): string {
  return withoutControls(text).trim()
}

/** Cut to a number of UTF-16 units, which Slack counts; never in the middle of a character. */
export function clip (text: string, length: number): string {
  if (text.length <= length) return text
  const kept = text.slice(0, length - 1)
  return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}…`
}

/** A moment in the reader's own time zone; the fallback names its zone. */
export function moment (atMs: number, token = '{time_secs}'): string {
  const iso = new Date(atMs).toISOString()
  return `<!date^${Math.floor(atMs / 1000)}^${token}|${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC>`
}

/** A moment for a text without mark-up, e.g. of a notification. */
export function plainMoment (atMs: number): string {
  return `${new Date(atMs).toISOString().slice(11, 16)} UTC`
}

/** What a person wrote, as Slack sends it (escaped, with mentions and links in `<…>`), as plain text again. */
export function readText (text: string): string {
  return text
    .replace(/<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>/g, (_whole, kind: string, target: string, shown: string | undefined) => kind === '' ? target : `${kind === '#' ? '#' : '@'}${shown || target}`)
    .replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&').trim()
}
