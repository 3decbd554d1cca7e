import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Eta } from 'eta'
import { clockText, durationText } from '../drill/duration.js'
import { verdictText } from '../drill/words.js'
import { style as reportStyle } from '../report/style.js'
import { escapeHtml, utc } from '../report/text.js'

// `<%= %>` escapes, attributes stand in double quotes; `<%~ %>` is for what was drawn by us and escaped there.
const eta = new Eta({ views: fileURLToPath(new URL('./views', import.meta.url)), autoEscape: true, escapeFunction: escapeHtml, cache: true })

/** What every view may use beside its own data. */
const tools = {
  clockText, durationText, verdictText, utc,
  minute: (atMs: number) => utc(atMs).slice(0, 16),
  time: (atMs: number) => utc(atMs).slice(11, 19),
  iso: (atMs: number) => new Date(atMs).toISOString(),
}

/** One view of src/pages/views, filled in. */
export function render (view: string, data: object): string {
  return eta.render(`./${view}`, { ...tools, ...data })
}

export interface Asset { type: string, body: string }

const read = (file: string): string => readFileSync(new URL(`./assets/${file}`, import.meta.url), 'utf8')

/** What a page loads, by file name: nothing else, and nothing of another site. */
export const assets: Readonly<Record<string, Asset>> = {
  'page.css': { type: 'text/css', body: reportStyle + read('page.css') },
  'page.js': { type: 'text/javascript', body: read('page.js') },
  'icon.svg': { type: 'image/svg+xml', body: read('icon.svg') },
}

/** Changes with the assets, so that browsers may keep them for ever. */
export const assetsVersion = createHash('sha256').update(JSON.stringify(assets)).digest('hex').slice(0, 12)

/** Who looks at a page: what it greets them with and what its forms carry. */
export interface Viewer {
  name: string
  roles: string
  /** Of the session, for every form. */
  formToken: string
}

export interface PageOptions {
  title: string
  nowMs: number
  viewer?: Viewer
  /** Where the page is kept up to date: an event stream of its regions … */
  live?: string
  /** … or the page itself, asked again after so many ms while somebody looks. */
  pollMs?: number
  /** Asked for anew at once, for a session cookie that the browser sends only from our own pages. */
  again?: boolean
}

/** A whole page around what a view has drawn. */
export function page (inside: string, options: PageOptions): string {
  return render('layout', { viewer: undefined, live: undefined, pollMs: undefined, again: false, ...options, inside, version: assetsVersion })
}
