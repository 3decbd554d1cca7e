import type { FastifyReply, FastifyRequest } from 'fastify'
import { page, type Viewer } from '../pages/index.js'
import type { AppDeps } from './deps.js'
import type { Sessions } from './sessions.js'
import type { SingleSignOn } from './single-sign-on.js'

/** What every page is made with. */
export interface PageParts extends AppDeps {
  sessions: Sessions
  /** Absent where no client is registered with an issuer. */
  singleSignOn?: SingleSignOn
  viewerOf: (request: FastifyRequest) => Viewer
}

/** The right that a page takes, of whoever the browser is signed in as. */
export function pageConfig<R extends string> (sessions: Sessions, right: R) {
  return { right, identify: sessions.personOf }
}

/** Answers a page. */
export function sendPage (reply: FastifyReply, inside: string, options: Parameters<typeof page>[1]): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(page(inside, options))
}
