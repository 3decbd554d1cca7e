import { haltText } from '../../drill/halt.js'
import type { Person } from '../../drill/people.js'
import { isAllowedIn } from '../../drill/runbook.js'
import { DrillError } from '../../errors.js'
import { banner, type Block } from '../../slack/blocks.js'
import { drawCard } from '../../slack/card.js'
import { startModal, type StartChoices } from '../../slack/modals.js'
import { runUrl } from '../../slack/surroundings.js'
import { escape, readText } from '../../slack/text.js'
import { listDrills, type DrillRow } from '../../store/drills.js'
import { assertMay } from '../auth.js'
import { currentStatus } from '../current-status.js'
import { answerTo, whoIs, type Speaker, type Talk } from './talk.js'

export interface Command extends Speaker {
  text: string
  triggerId: string
  /** Names this one command: the same again is the same. */
  key: string
}

type Said = { text: string, blocks?: Block[] } | undefined

const usage = [
  '`/drill start [RUNBOOK] [ENVIRONMENT]` opens a form',
  '`/drill status [DRILL]` what a drill is at',
  '`/drill list` what runs, and what ran last',
  '`/drill abort [DRILL] REASON` stops a drill and undoes what it did',
  '`/drill halt REASON` aborts every drill, everywhere, and refuses new ones',
  '`/drill note [DRILL] TEXT` writes into the timeline',
  'DRILL may be left out while one drill runs.',
].join('\n')

/** `/drill …`: one command with sub-commands. Whatever comes of it is told to who typed it, alone. */
export async function runSlashCommand (talk: Talk, command: Command): Promise<void> {
  const [word = '', ...rest] = readText(command.text).split(/\s+/)
  const words = rest.join(' ')
  await answerTo(talk, command, async () => {
    switch (word.toLowerCase()) {
      case 'start': return await openStart(talk, command, rest)
      case 'status': return await status(talk, await reader(talk, command), words)
      case 'list': return await list(talk, await reader(talk, command))
      case 'abort': return await abort(talk, command, words)
      case 'halt': return await halt(talk, command, words)
      case 'note': return await note(talk, command, words)
      case '': case 'help': return { text: usage }
      default: return { text: `⛔ There is no \`/drill ${escape(word, 50)}\`.\n${usage}` }
    }
  })
}

async function reader (talk: Talk, command: Command): Promise<Person> {
  const person = await whoIs(talk, command)
  assertMay(person, 'read')
  return person
}

async function status (talk: Talk, _person: Person, words: string): Promise<Said> {
  const { drillId } = await whichDrill(talk, words)
  const { status } = await currentStatus(talk, drillId)
  return drawCard(status, { publicUrl: talk.config.publicUrl, nowMs: Date.now(), mentions: roles => roles.join(' or ') })
}

async function list (talk: Talk, _person: Person): Promise<Said> {
  const { drills } = await listDrills(talk.store.pool, {}, { limit: 10 })
  const lines = drills.map(drill => `• <${runUrl(talk.config, drill.drillId)}|${escape(drill.drillId)}> *${escape(drill.environment.toUpperCase())}* ${drill.verdict ?? drill.phase}, by ${escape(drill.commander.name)}`)
  return { text: lines.length === 0 ? 'No drill has run yet.' : `*${banner}s*, the newest first:\n${lines.join('\n')}` }
}

async function abort (talk: Talk, command: Command, words: string): Promise<Said> {
  const person = await whoIs(talk, command, { proven: false })
  assertMay(person, 'drill.abort')
  const { drillId, rest } = await whichDrill(talk, words)
  if (rest === '') throw new DrillError('input.invalid', 'say why: /drill abort REASON')
  const { outcome } = await talk.temporal.abort(drillId, { reason: rest.slice(0, 1000), person, door: 'slack' })
  talk.log.info({ person: person.id, drillId, outcome }, 'abort through Slack')
  return { text: outcome === 'aborting' ? `🚫 ${escape(drillId)} is aborted; what it did is undone now.` : `${escape(drillId)} was being undone already.` }
}

/** Everywhere: who stops all in a hurry must not have to know a name. */
async function halt (talk: Talk, command: Command, words: string): Promise<Said> {
  const person = await whoIs(talk, command, { proven: false })
  assertMay(person, 'halt.set')
  if (words.trim() === '') throw new DrillError('input.invalid', 'say why: /drill halt REASON')
  const { outcome, halt } = await talk.temporal.halt({ reason: words.trim().slice(0, 1000), by: person, atMs: Date.now(), door: 'slack' })
  talk.log.info({ person: person.id, outcome }, 'halt through Slack')
  return { text: `🛑 ${outcome === 'halted' ? 'Every drill is aborted now, and none starts until two people lift it' : 'It was halted already'}: ${escape(haltText(halt), 1200)}` }
}

async function note (talk: Talk, command: Command, words: string): Promise<Said> {
  const person = await whoIs(talk, command)
  assertMay(person, 'drill.note')
  const { drillId, rest } = await whichDrill(talk, words)
  if (rest === '') throw new DrillError('input.invalid', 'say what: /drill note TEXT')
  await talk.temporal.note(drillId, { text: rest.slice(0, 4000), person, door: 'slack' }, `slack:${command.key}`)
  return { text: `📌 It stands in the timeline of ${escape(drillId)}.` }
}

/** The drill that is named, or the only one that runs; `rest` is what else was said. */
async function whichDrill ({ store }: Talk, words: string): Promise<{ drillId: string, rest: string }> {
  const [first = '', ...others] = words.split(' ')
  // A drill's id ends in its day and six characters: no sentence begins so.
  if (/^[A-Za-z0-9][A-Za-z0-9._:-]*-\d{8}-[a-z0-9]{6}(?:[:._-][A-Za-z0-9._:-]+)?$/.test(first)) return { drillId: first, rest: others.join(' ').trim() }
  const { drills } = await listDrills(store.pool, { state: 'running' }, { limit: 20 })
  const running = drills.filter((drill: DrillRow) => drill.phase !== 'reserved' && drill.parent === undefined)
  if (running.length === 1) return { drillId: running[0]!.drillId, rest: words.trim() }
  throw new DrillError('drill.unknown', running.length === 0 ? 'no drill is running' : `${running.length} drills are running, say which: ${running.map(drill => drill.drillId).join(', ')}`)
}

/** What comes back with the form. */
export interface StartMetadata { responseUrl: string, environment?: string }

async function openStart (talk: Talk, command: Command, [runbook, environment]: string[]): Promise<Said> {
  const person = await whoIs(talk, command)
  assertMay(person, 'drill.start')
  const metadata: StartMetadata = { responseUrl: command.responseUrl, ...environment === undefined ? {} : { environment } }
  await talk.slack.openModal(command.triggerId, startModal(await startChoices(talk, runbook, metadata)))
  return undefined
}

/** What may be chosen now: runbooks without errors, and the environments that the chosen one may run in. */
export async function startChoices ({ catalog }: Pick<Talk, 'catalog'>, wanted: string | undefined, metadata: StartMetadata): Promise<StartChoices> {
  const all = await catalog()
  const environments = all.environments.flatMap(({ value }) => value ? [value] : [])
  const usable = all.runbooks.flatMap(({ value }) => value && environments.some(environment => isAllowedIn(value, environment)) ? [value] : [])
  const chosen = usable.find(runbook => runbook.name === wanted) ?? usable[0]
  if (!chosen) throw new DrillError('environment.unknown', 'there is no runbook with an environment that it may run in; see `muster check`')
  if (wanted !== undefined && chosen.name !== wanted) throw new DrillError('runbook.unknown', `no runbook "${wanted}" can run here; there are ${usable.map(runbook => runbook.name).join(', ')}`)
  const allowed = environments.filter(environment => isAllowedIn(chosen, environment))
  return {
    runbooks: usable, runbook: chosen.name, environments: allowed.map(({ name }) => name), environment: metadata.environment, params: chosen.params ?? {},
    production: allowed.some(({ tier }) => tier === 'production'), metadata: JSON.stringify(metadata),
  }
}
