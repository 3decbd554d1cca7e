import { InvalidArgumentError, Option, type Command } from 'commander'
import { durationMs, durationPattern } from '../drill/duration.js'
import { parseRole, roles, type Grant, type Role } from '../drill/people.js'
import { DrillError } from '../errors.js'
import type { Parts, Run } from './program.js'
import { print, printJson, type Shell } from './shell.js'
import { tableLines } from './table.js'
import { clean } from './text.js'

interface Entrusted { id: string, kind: 'grant' | 'deputy', role?: Role, in?: string, deputyId?: string, askedBy: string, waits: boolean }
interface Listed {
  id: string, name: string, roles: Role[], grants?: Grant[], service?: boolean, awayUntil?: string, removedAt?: string
  entrusted?: Entrusted[], keys?: Array<{ id: string, label?: string, revokedAt?: string | null, expiresAt?: string | null, lastUsedAt?: string | null }>
}
interface Changed { id: number, at: string, by: string, personId: string, what: string, change: Record<string, { from?: unknown, to?: unknown }> }
interface AddOptions { name?: string, role: string[], service?: boolean, subject?: string, expires?: string }

const pathOf = (id: string, ...rest: string[]): string => ['v1', 'people', id, ...rest].map(encodeURIComponent).join('/')

/** people: who may do what, where; whose keys; who is away. */
export function addPeople (program: Command, run: Run, { firstAdmin }: Parts): void {
  const people = program.command('people').description('who may start, decide and watch')
  const done = (shell: Shell, text: string): void => { print(shell, `${shell.paint('green', '✓')} ${text}`) }
  const showKey = (shell: Shell, key: string): void => { print(shell, `  key, shown this once: ${key}`, `→ export MUSTER_KEY=${key}`) }
  const showWait = (shell: Shell, id: string, waits: string, what: string): void => {
    print(shell, `${shell.paint('yellow', '⧖')} ${what} counts once another admin confirms it`, `→ muster people confirm ${id} ${waits}`)
  }

  people.command('first').description('on the machine of the store: the first admin, and the account that delivers alerts; keys go into MUSTER_HOME')
    .option('--id <id>', 'of the admin', 'admin').option('--name <text>', 'as reports show it').option('--recover', 'no admin can come in any more: a new key all the same')
    .action(run<[{ id: string, name?: string, recover?: boolean }]>(() => ({ command: 'people first' }), async (shell, options) => {
      const first = await firstAdmin(options)
      if (shell.json) return printJson(shell, first)
      done(shell, first.made ? `${first.id} is admin; the key lies in ${first.keyFile}` : `${first.id} is admin already, and the key in ${first.keyFile} works`)
      print(shell, `  the key that delivers alerts lies in ${first.alertKeyFile}`, '→ muster people add ID --role commander')
    }))

  people.command('list').description('everybody, with roles, absence, keys, and what waits for a second admin')
    .action(run<[]>(() => ({}), async shell => {
      const answer = await shell.api.get<{ people: Listed[] }>('v1/people')
      if (shell.json) return printJson(shell, answer)
      const there = answer.people.filter(person => person.removedAt === undefined)
      print(shell, ...tableLines(['id', 'name', 'roles', 'away', 'keys'], there.map(rowOf), shell.paint))
      for (const person of there) for (const one of (person.entrusted ?? []).filter(one => one.waits)) showWait(shell, person.id, one.id, `${person.id}: ${entrustedText(one)}, asked by ${one.askedBy},`)
    }))

  people.command('log').argument('[ID]', 'person').description('who changed what of whom, the newest first')
    .option('--limit <number>', 'how many', '50')
    .action(run<[string | undefined, { limit: string }]>(() => ({ command: 'people log' }), async (shell, person, { limit }) => {
      const answer = await shell.api.get<{ changes: Changed[] }>(`v1/people/log?${new URLSearchParams({ limit, ...person === undefined ? {} : { person } }).toString()}`)
      if (shell.json) return printJson(shell, answer)
      print(shell, ...tableLines(['when (UTC)', 'by', 'whom', 'what'], answer.changes.map(one => [one.at.slice(0, 19).replace('T', ' '), clean(one.by), one.personId, changeText(one)]), shell.paint))
    }))

  people.command('add').argument('<ID>', 'short and stable, e.g. ana').description('add somebody; prints their key, once')
    .option('--name <text>', 'as reports show it').option('--service', 'a service account: it may start drills, and never answers for people')
    .option('--subject <sub>', 'the `sub` of their tokens').addOption(new Option('--expires <time>', 'when the key ends: an ISO time, or 90d').argParser(timeText))
    .addOption(new Option('--role <role...>', `any of ${roles.join(', ')}`).choices(roles).makeOptionMandatory())
    .action(run<[string, AddOptions]>(() => ({ command: 'people add' }), async (shell, id, { name = id, role, service, subject, expires }) => {
      const answer = await shell.api.post<{ key?: string, roles?: Role[], waits?: string }>('v1/people', { id, name, roles: role, service, oidcSubject: subject, expiresAt: expires })
      if (shell.json) return printJson(shell, answer)
      done(shell, `${id} is ${(answer.roles ?? role).join(', ') || 'there'}`)
      if (answer.waits !== undefined) showWait(shell, id, answer.waits, 'admin')
      if (answer.key !== undefined) showKey(shell, answer.key)
    }))

  people.command('roles').argument('<ID>', 'person').argument('[ROLE...]', `any of ${roles.join(', ')}; none takes all away`).description('what somebody holds everywhere but in production')
    .action(run<[string, string[]]>(() => ({ command: 'people roles' }), async (shell, id, wanted) => {
      const answer = await shell.api.put<{ roles: Role[], waits?: string }>(pathOf(id, 'roles'), { roles: wanted })
      if (shell.json) return printJson(shell, answer)
      done(shell, `${id} is ${answer.roles.join(', ') || 'nothing'}`)
      if (answer.waits !== undefined) showWait(shell, id, answer.waits, 'admin')
    }))

  people.command('grant').argument('<ID>', 'person').argument('<ROLE@PLACE>', 'e.g. approver@shop, approver@tier:production').description('a role in one environment or tier; in production a second admin confirms it')
    .action(run<[string, string]>(() => ({ command: 'people grant' }), async (shell, id, text) => {
      const wanted = parseRole(text)
      if (wanted?.in === undefined) throw new DrillError('input.invalid', `"${text}" is no ROLE@PLACE, such as approver@shop or approver@tier:production; roles are ${roles.join(', ')}`)
      const answer = await shell.api.post<Entrusted>(pathOf(id, 'grants'), wanted)
      if (shell.json) return printJson(shell, answer)
      if (!answer.waits) done(shell, `${id} is ${text}`)
      if (answer.waits) showWait(shell, id, answer.id, 'it')
    }))

  people.command('deputy').argument('<ID>', 'person').argument('<DEPUTY>', 'who answers for them while they are away').description('name a deputy; in production an admin confirms it')
    .action(run<[string, string]>(() => ({ command: 'people deputy' }), async (shell, id, deputy) => {
      const answer = await shell.api.post<Entrusted>(pathOf(id, 'deputies'), { deputy })
      if (shell.json) return printJson(shell, answer)
      done(shell, `${deputy} answers for ${id} while they are away`)
      if (answer.waits) showWait(shell, id, answer.id, 'in production it')
    }))

  people.command('confirm').argument('<ID>', 'person').argument('<WHAT>', 'id of the grant or deputy, from `people list`').description('the second pair of eyes')
    .action(run<[string, string]>(() => ({ command: 'people confirm' }), async (shell, id, what) => {
      const answer = await shell.api.post<Entrusted>(pathOf(id, 'entrusted', what, 'confirmation'), {})
      if (shell.json) return printJson(shell, answer)
      done(shell, `${id}: ${entrustedText(answer)}, asked by ${answer.askedBy}, confirmed`)
    }))

  people.command('end').argument('<ID>', 'person').argument('<WHAT>', 'id of the grant or deputy, from `people list`').description('a grant or deputy counts no longer')
    .action(run<[string, string]>(() => ({ command: 'people end' }), async (shell, id, what) => {
      const answer = await shell.api.delete<Entrusted>(pathOf(id, 'entrusted', what))
      if (shell.json) return printJson(shell, answer)
      done(shell, `${id}: ${entrustedText(answer)} has ended`)
    }))

  const absence = async (shell: Shell, id: string, until?: string): Promise<void> => {
    const answer = await shell.api.put<{ until?: string, deputies: string[] }>(pathOf(id, 'absence'), { until })
    if (shell.json) return printJson(shell, answer)
    if (answer.until === undefined) return done(shell, `${id} is back`)
    done(shell, `${id} is away until ${answer.until}`)
    print(shell, answer.deputies.length > 0 ? `  ${answer.deputies.join(', ')} can answer meanwhile` : `→ muster people deputy ${id} DEPUTY   (nobody answers for ${id} meanwhile)`)
  }
  people.command('away').argument('<ID>', 'person').addOption(new Option('--until <time>', 'an ISO time, or a length such as 8h or 5d').argParser(timeText).makeOptionMandatory()).description('away until a time: deputies answer')
    .action(run<[string, { until: string }]>(() => ({ command: 'people away' }), async (shell, id, { until }) => await absence(shell, id, until)))
  people.command('back').argument('<ID>', 'person').description('no longer away')
    .action(run<[string]>(() => ({ command: 'people back' }), async (shell, id) => await absence(shell, id)))

  people.command('link').argument('<ID>', 'person').description('which Slack user somebody is: their clicks count as theirs').option('--slack <USER>', 'id of their Slack user, e.g. U0123456789')
    .option('--email <ADDRESS>', 'the address that their Slack account must have proven').option('--workspace <ID>', 'of another workspace than the app’s, e.g. T0123456789')
    .action(run<[string, { slack?: string, email?: string, workspace?: string }]>(() => ({ command: 'people link' }), async (shell, id, { slack, email, workspace }) => {
      if (slack === undefined && email === undefined) throw new DrillError('input.invalid', 'say which: --slack USER, --email ADDRESS')
      const answer = await shell.api.put<{ slackUser?: string, email?: string }>(pathOf(id, 'slack'), { user: slack, email, workspace })
      if (shell.json) return printJson(shell, answer)
      done(shell, `${id} is ${[answer.slackUser, answer.email].filter(Boolean).join(', ')} in Slack`)
    }))
  people.command('unlink').argument('<ID>', 'person').description('no Slack user is this person any more')
    .action(run<[string]>(() => ({ command: 'people unlink' }), async (shell, id) => {
      const answer = await shell.api.put<object>(pathOf(id, 'slack'), { user: null, email: null })
      if (shell.json) return printJson(shell, answer)
      done(shell, `no Slack user is ${id} any more`)
    }))

  people.command('subject').argument('<ID>', 'person').argument('[SUB]', 'the `sub` of their tokens; none takes it away').description('as whom somebody’s OIDC tokens speak')
    .action(run<[string, string | undefined]>(() => ({ command: 'people subject' }), async (shell, id, subject) => {
      const answer = await shell.api.put<object>(pathOf(id, 'subject'), { oidcSubject: subject })
      if (shell.json) return printJson(shell, answer)
      done(shell, subject === undefined ? `no token is ${id} any more` : `tokens of ${clean(subject)} are ${id}’s`)
    }))

  people.command('key').argument('<ID>', 'person').description('another key; prints it, once').option('--label <text>', 'what it is for').addOption(new Option('--expires <time>', 'an ISO time, or 90d').argParser(timeText))
    .action(run<[string, { label?: string, expires?: string }]>(() => ({ command: 'people key' }), async (shell, id, { label, expires }) => {
      const answer = await shell.api.post<{ key: string }>(pathOf(id, 'keys'), { label, expiresAt: expires })
      if (shell.json) return printJson(shell, answer)
      done(shell, `another key of ${id}`)
      showKey(shell, answer.key)
    }))

  const revoked = (shell: Shell, id: string, answer: { revoked: string[] }): void => { done(shell, `${answer.revoked.length} ${answer.revoked.length === 1 ? 'key' : 'keys'} of ${id} revoked`) }
  people.command('revoke').argument('<ID>', 'person').argument('[KEY]', 'id of one key').description('their keys, or one of them, open nothing any more')
    .action(run<[string, string | undefined]>(() => ({ command: 'people revoke' }), async (shell, id, key) => {
      const answer = await shell.api.delete<{ revoked: string[] }>(key === undefined ? pathOf(id, 'keys') : pathOf(id, 'keys', key))
      if (shell.json) return printJson(shell, answer)
      revoked(shell, id, answer)
    }))
  people.command('remove').argument('<ID>', 'person').description('somebody leaves: no key, token or click of theirs counts any more')
    .action(run<[string]>(() => ({ command: 'people remove' }), async (shell, id) => {
      const answer = await shell.api.delete<{ revoked: string[] }>(pathOf(id))
      if (shell.json) return printJson(shell, answer)
      done(shell, `${id} is removed`)
      revoked(shell, id, answer)
    }))
}

/** `roles: observer → observer, admin`; what was not there before has no arrow. */
function changeText ({ what, change }: Changed): string {
  const value = (one: unknown): string => Array.isArray(one) ? one.join(', ') || 'none' : one === null || one === undefined ? 'none' : String(one)
  const texts = Object.entries(change).map(([name, { from, to }]) => `${name}: ${from === null || from === undefined ? '' : `${value(from)} → `}${value(to)}`)
  return clean(`${what === 'people' ? '' : `${what}: `}${texts.join('; ')}`)
}

function rowOf (person: Listed): string[] {
  const held = [...person.roles, ...(person.grants ?? []).map(grant => `${grant.role}@${grant.in}`)].join(', ')
  const keys = (person.keys ?? []).filter(key => key.revokedAt == null && (key.expiresAt == null || Date.parse(key.expiresAt) > Date.now()))
  const away = person.awayUntil !== undefined && Date.parse(person.awayUntil) > Date.now() ? `until ${person.awayUntil.slice(0, 16)}Z` : ''
  return [person.id, clean(person.name), `${person.service ? 'service: ' : ''}${held}`, away, keys.map(key => key.id.slice(0, 8)).join(' ')]
}

function entrustedText (one: Entrusted): string {
  return one.kind === 'grant' ? `${one.role}@${one.in}` : `deputy ${one.deputyId}`
}

/** An ISO time of what people type: a time, or a length from now. */
function timeText (text: string): string {
  const atMs = new RegExp(durationPattern.source).test(text) ? Date.now() + durationMs(text) : Date.parse(text)
  if (Number.isNaN(atMs)) throw new InvalidArgumentError('it takes an ISO time such as 2027-01-31T08:00:00Z, or a length such as 8h or 5d')
  return new Date(atMs).toISOString()
}
