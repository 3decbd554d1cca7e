import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Person } from '../drill/people.js'
import { may } from '../drill/rights.js'
import { DrillError } from '../errors.js'
import { render } from '../pages/index.js'
import { personOf } from './auth.js'
import type { App } from './deps.js'
import { logFailure } from './failures.js'
import { pageConfig, sendPage, type PageParts } from './page-parts.js'
import { Strict } from './schemas/answers.js'
import { DrillParams, StepParams } from './schemas/ids.js'
import { oneOf } from './schemas/status.js'
import { assertOwnForm } from './sessions.js'

/** What the page says after a form was taken, by the word in its address. */
export const doneTexts: Record<string, string> = {
  approved: 'Your approval counts: the gate is open.', rejected: 'The gate is rejected; the drill undoes what it did.', undecided: 'Your approval counts; more are needed.',
  confirmed: 'Confirmed.', noted: 'Noted.', declared: 'The outage is declared.', already: 'That was so already.', aborting: 'The drill is aborted, and undoes what it did.',
}

const form = Type.String({ maxLength: 100 })
/** What people write; a form sends an empty text where nothing was written. */
const written = (maxLength: number) => Type.String({ maxLength, pattern: '^[^\\u0000]*$' })
const key = Type.String({ pattern: '^[0-9a-f-]{36}$' })
const Next = Type.String({ maxLength: 600 })

/** The forms of the pages. Each is of the session's own page, counts once however often it is clicked, and leads back to the drill. */
export function pageForms (app: App, parts: PageParts): void {
  const { sessions, temporal, singleSignOn, config } = parts

  const issuer = singleSignOn && new URL(config.oidc!.issuer).host

  if (singleSignOn) {
    app.get('/sign-in/issuer', { config: { right: 'public', rateLimit: { max: 60 } }, schema: { hide: true, querystring: Strict({ next: Type.Optional(Next) }) } }, async (request, reply) => {
      const { url, kept } = await singleSignOn.begin(ownAddress(request.query.next))
      sessions.keep(reply, kept)
      return reply.redirect(url, 303)
    })

    app.get('/sign-in/callback', {
      config: { right: 'public', rateLimit: { max: 60 } },
      // Issuers add what they like, such as session_state.
      schema: {
        hide: true,
        querystring: Type.Object({
          code: Type.Optional(Type.String({ maxLength: 4000 })),
          state: Type.Optional(Type.String({ maxLength: 200 })),
          error: Type.Optional(Type.String({ maxLength: 200 })),
          iss: Type.Optional(Type.String({ maxLength: 500 })),
        }),
      },
    }, async (request, reply) => {
      const kept = sessions.kept(request)
      // Once, however it ends.
      sessions.keep(reply, undefined)
      try {
        const { facts, next } = await singleSignOn.finish(kept, request.query)
        const person = await sessions.signInAs(reply, facts)
        request.log.info({ person: person.id, issuer }, 'signed in')
        return await reply.redirect(ownAddress(next), 303)
      } catch (error) {
        if (!(error instanceof DrillError)) throw error
        logFailure(error, request)
        return signInPage(reply.code(error.status), '/', `${error.message}.`, issuer)
      }
    })
  }

  app.get('/sign-in', { config: { right: 'public' }, schema: { hide: true, querystring: Strict({ next: Type.Optional(Next) }) } }, async (request, reply) => {
    const next = ownAddress(request.query.next)
    const known = await sessions.personOf(request).catch(() => undefined)
    if (known) return reply.redirect(next, 303)
    return signInPage(reply, next, undefined, issuer)
  })

  app.post('/sign-in', {
    // Few: keys are not guessed here.
    config: { right: 'public', rateLimit: { max: 20 } },
    schema: { hide: true, querystring: Strict({}), body: Strict({ key: Type.String({ maxLength: 300 }), next: Type.Optional(Next) }) },
  }, async (request, reply) => {
    const next = ownAddress(request.body.next)
    try {
      const person = await sessions.signIn(reply, request.body.key.trim())
      request.log.info({ person: person.id }, 'signed in')
      return await reply.redirect(next, 303)
    } catch (error) {
      if (!(error instanceof DrillError) || (error.code !== 'auth.invalid' && error.code !== 'auth.insecure')) throw error
      logFailure(error, request)
      return signInPage(reply.code(error.status), next, error.code === 'auth.insecure' ? `${error.message}. Put TLS in front of Muster and set MUSTER_PUBLIC_URL to its https address.` : 'That key is wrong, revoked or expired.', issuer)
    }
  })

  app.post('/sign-out', { config: { right: 'public' }, schema: { hide: true, querystring: Strict({}), body: Strict({ form }) } }, async (request, reply) => {
    // Signed out already, perhaps in another tab: then there is nothing to guard.
    if (await sessions.personOf(request).then(() => true, () => false)) assertOwnForm(sessions, request, request.body.form)
    await sessions.signOut(request, reply)
    return await reply.redirect('/sign-in', 303)
  })

  app.post('/drills/:id/gates/:step', {
    config: pageConfig(sessions, 'gate.decide'),
    schema: { hide: true, params: StepParams, querystring: Strict({}), body: Strict({ form, answer: oneOf(['approve', 'reject']), reason: written(1000) }) },
  }, async (request, reply) => {
    const { id, step } = request.params
    const { form, answer } = request.body
    const reason = request.body.reason.trim() || undefined
    assertOwnForm(sessions, request, form)
    if (answer === 'reject' && reason === undefined) throw new DrillError('input.invalid', 'a rejection must say why')
    // The same answer of the same session is the same click.
    const click = createHash('sha256').update(`${form} ${id} ${step} ${answer}`).digest('hex')
    const { outcome } = await temporal.decide(id, { step, answer, ...(reason === undefined ? {} : { reason }), key: click, person: personOf(request), door: 'page' })
    return backTo(reply, id, outcome)
  })

  app.post('/drills/:id/tasks/:step', {
    config: pageConfig(sessions, 'task.confirm'),
    schema: { hide: true, params: StepParams, querystring: Strict({}), body: Strict({ form, note: written(4000) }) },
  }, async (request, reply) => {
    const { id, step } = request.params
    const note = request.body.note.trim() || undefined
    assertOwnForm(sessions, request, request.body.form)
    const click = createHash('sha256').update(`${request.body.form} ${id} ${step}`).digest('hex')
    await temporal.confirm(id, { step, ...(note === undefined ? {} : { note }), key: click, person: personOf(request), door: 'page' })
    return backTo(reply, id, 'confirmed')
  })

  app.post('/drills/:id/note', {
    config: pageConfig(sessions, 'drill.note'),
    schema: { hide: true, params: DrillParams, querystring: Strict({}), body: Strict({ form, key, text: written(4000) }) },
  }, async (request, reply) => {
    const { id } = request.params
    assertOwnForm(sessions, request, request.body.form)
    await temporal.note(id, { text: needed(request.body.text, 'a note must say something'), person: personOf(request), door: 'page' }, request.body.key)
    return backTo(reply, id, 'noted')
  })

  app.post('/drills/:id/declaration', {
    config: pageConfig(sessions, 'drill.declare'),
    schema: { hide: true, params: DrillParams, querystring: Strict({}), body: Strict({ form, note: written(4000) }) },
  }, async (request, reply) => {
    const { id } = request.params
    assertOwnForm(sessions, request, request.body.form)
    const note = request.body.note.trim() || undefined
    const { outcome } = await temporal.declare(id, { ...(note === undefined ? {} : { note }), person: personOf(request), door: 'page' })
    return backTo(reply, id, outcome)
  })

  app.post('/drills/:id/abort', {
    config: { ...pageConfig(sessions, 'drill.abort'), rateLimit: { max: 60 } },
    schema: { hide: true, params: DrillParams, querystring: Strict({}), body: Strict({ form, reason: written(1000) }) },
  }, async (request, reply) => {
    const { id } = request.params
    assertOwnForm(sessions, request, request.body.form)
    const { outcome } = await temporal.abort(id, { reason: needed(request.body.reason, 'an abort must say why'), person: personOf(request), door: 'page' })
    return backTo(reply, id, outcome)
  })
}

/** The forms that a person may send to a drill at any time. @param key of this page's note: sent twice it counts once */
export function saysOf (person: Person, key: string) {
  return [
    { name: 'note', right: 'drill.note', title: 'Write a note', label: 'What there is to remember', field: 'text', max: 4000, required: true, button: 'Note it', key },
    { name: 'declaration', right: 'drill.declare', title: 'Declare an outage', label: 'What was seen (optional); it ends the time to detect', field: 'note', max: 4000, required: false, button: 'Declare the outage' },
    { name: 'abort', right: 'drill.abort', title: 'Abort the drill', label: 'Why; what the drill did is undone at once', field: 'reason', max: 1000, required: true, button: 'Abort and undo' },
  ].filter(say => may(person, say.right as 'drill.note'))
}

function needed (text: string, otherwise: string): string {
  if (text.trim() === '') throw new DrillError('input.invalid', otherwise)
  return text.trim()
}

function backTo (reply: FastifyReply, id: string, done: string): FastifyReply {
  return reply.redirect(`/drills/${encodeURIComponent(id)}?done=${done}`, 303)
}

function signInPage (reply: FastifyReply, next: string, trouble: string | undefined, issuer: string | undefined): FastifyReply {
  return sendPage(reply, render('sign-in', { next, trouble, issuer }), { title: 'Sign in', nowMs: Date.now() })
}

/** Only addresses of our own pages: nobody is led elsewhere after signing in. */
function ownAddress (next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])[\w\-./?=&%:+]*$/.test(next) && !next.startsWith('/sign-') ? next : '/'
}
