import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { rolesAnywhere } from '../drill/people.js'
import { messageOf, DrillError, errorTable } from '../errors.js'
import { redactText } from '../log.js'
import { assets, render, type Viewer } from '../pages/index.js'
import { personOf } from './auth.js'
import { createBoard } from './board.js'
import type { App, AppDeps } from './deps.js'
import { drillErrorOf, logFailure } from './failures.js'
import { pageForms } from './page-forms.js'
import { homePage } from './page-home.js'
import { livePage } from './page-live.js'
import { sendPage, type PageParts } from './page-parts.js'
import { runPage } from './page-run.js'
import { runbookPage } from './page-runbook.js'
import { Strict } from './schemas/answers.js'
import { assertOwnSite, type Sessions } from './sessions.js'
import type { SingleSignOn } from './single-sign-on.js'
import type { Streams } from './stream.js'

/** No script, style, image or connection but our own, none of them inline; no frame around it, no form to elsewhere. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/**
 * The pages for people: everything that they show and send goes the same ways as the API's. Who is not signed in is led to the
 * sign-in and back; failures are pages too.
 */
export async function pageRoutes (app: App, deps: AppDeps, sessions: Sessions, streams: Streams, bodyLimit: number, singleSignOn?: SingleSignOn): Promise<void> {
  const parts: PageParts = { ...deps, sessions, singleSignOn, viewerOf }

  app.get('/assets/:file', {
    config: { right: 'public', rateLimit: false },
    schema: { hide: true, params: Strict({ file: Type.String({ maxLength: 40 }) }), querystring: Strict({ v: Type.Optional(Type.String({ maxLength: 40 })) }) },
  }, async (request, reply) => {
    const { file } = request.params
    const asset = Object.hasOwn(assets, file) ? assets[file] : undefined
    if (!asset) throw new DrillError('route.unknown', `there is no /assets/${file}`)
    // Under the name of its content, so that it may be kept for ever.
    reply.header('cache-control', request.query.v === undefined ? 'no-cache' : 'public, max-age=31536000, immutable')
    return await reply.type(`${asset.type}; charset=utf-8`).send(asset.body)
  })

  await app.register(async pages => {
    pages.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit }, (_request, body, done) => { done(null, Object.fromEntries(new URLSearchParams(String(body)))) })
    pages.addHook('onRequest', async (request, reply) => {
      reply.headers({ 'content-security-policy': policy, 'referrer-policy': 'same-origin', 'cache-control': 'no-store', vary: 'cookie' })
      if (request.method === 'POST') assertOwnSite(request, deps.config.publicUrl)
    })
    pages.setErrorHandler((error, request, reply) => answerAsPage(error, request, reply))
    homePage(pages as App, parts)
    runPage(pages as App, parts)
    livePage(pages as App, parts, createBoard(deps), streams)
    runbookPage(pages as App, parts)
    pageForms(pages as App, parts)
  })

  function viewerOf (request: FastifyRequest): Viewer {
    const person = personOf(request)
    return { name: person.name, roles: rolesAnywhere(person).join(', '), formToken: sessions.formTokenOf(request) }
  }

  function answerAsPage (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const failure = drillErrorOf(error, bodyLimit)
    const drill = (request.params as { id?: string } | undefined)?.id
    // What was sent by a form is seen again on the drill's own page.
    const back = request.method === 'GET' ? request.url : drill === undefined ? '/' : `/drills/${encodeURIComponent(drill)}`
    const nowMs = Date.now()
    if (failure.status === 401 && request.url.split('?')[0] !== '/sign-in') {
      // A link in a chat leads here from another site, so the browser keeps the cookie back. Asked for by our own page it comes along.
      if (request.method === 'GET' && request.headers['sec-fetch-site'] === 'cross-site') {
        return sendPage(reply, render('again', { back }), { title: 'One moment', nowMs, again: true })
      }
      return reply.redirect(`/sign-in?next=${encodeURIComponent(back)}`, 303)
    }
    logFailure(failure, request)
    if (failure.retryable && failure.status === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', '2')
    const title = failure.status === 404 ? 'Not there' : failure.status >= 500 ? 'That did not work' : 'Refused'
    const inside = render('message', {
      title,
      message: redactText(messageOf(failure)), remedy: errorTable[failure.code].remedy, code: failure.code, reference: request.id,
      back: request.method === 'GET' ? '/' : back, backText: request.method === 'POST' && drill !== undefined ? 'Back to the drill' : 'All drills',
    })
    return sendPage(reply.code(failure.status), inside, { title, nowMs, ...(request.person ? { viewer: viewerOf(request) } : {}) })
  }
}
