import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

export const tags = {
  drills: 'Start drills, follow them, read what they recorded',
  people: 'Who may do what, and their keys',
  messages: 'What people say to a running drill',
  halts: 'The emergency stop',
  catalog: 'Runbooks and environments, and what a drill would do',
  operations: 'Alerts, health and metrics',
} as const

/** OpenAPI 3.1 made from the routes' own schemas, as a page at /docs and as /docs/json. */
export async function describeApi (app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Muster', version: '1', description: 'Disaster-recovery drills: start, decide, watch, prove. Every failure is answered as `{ error: { code, message, details?, reference } }`; branch on the code.' },
      tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', bearerFormat: 'mst_…', description: 'A person’s key, from `muster people add`' },
          token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A token of the issuer that this Muster believes, where one is configured' },
        },
      },
      security: [{ key: [] }, { token: [] }],
    },
  })
  // Its own scripts and styles only. Not the plugin's own policy, which asks for https everywhere and allows another site's images.
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'",
    uiConfig: { validatorUrl: null, persistAuthorization: false },
  })
}
