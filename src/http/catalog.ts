import { Type } from 'typebox'
import type { Environment } from '../drill/environment.js'
import type { Runbook } from '../drill/runbook.js'
import type { App, AppDeps, Listed } from './deps.js'
import { find } from './preparing.js'
import { answers, Strict } from './schemas/answers.js'
import { NameParams } from './schemas/ids.js'
import { Tier } from './schemas/status.js'

const text = Type.Optional(Type.String())
const common = { name: Type.String(), file: Type.String(), hash: Type.String({ description: 'SHA-256 of the file, hex' }), problems: Type.Array(Type.String(), { description: 'file:line:col each; with any it cannot be used' }) }
const RunbookLine = Type.Object({
  ...common, title: text, description: text, type: text,
  environments: Type.Optional(Type.Array(Type.String())), readOnly: Type.Optional(Type.Boolean()), params: Type.Array(Type.String()), steps: Type.Integer(),
})
const EnvironmentLine = Type.Object({ ...common, title: text, tier: Type.Optional(Tier) })
const Whole = Type.Unsafe<object>(Type.Object({}, { additionalProperties: true, description: 'As the file has it; secrets are references' }))

/** Runbooks and environments as the files have them. Neither holds a secret: those are references that a worker resolves. */
export function catalogRoutes (app: App, { catalog }: AppDeps): void {
  app.get('/v1/runbooks', {
    config: { right: 'read' },
    schema: { operationId: 'listRunbooks', tags: ['catalog'], summary: 'Runbooks, those with errors too', querystring: Strict({}), response: answers({ 200: Type.Object({ runbooks: Type.Array(RunbookLine) }) }) },
  }, async () => ({ runbooks: (await catalog()).runbooks.map(runbookLine) }))

  app.get('/v1/runbooks/:name', {
    config: { right: 'read' },
    schema: { operationId: 'getRunbook', tags: ['catalog'], summary: 'One runbook, whole', params: NameParams, querystring: Strict({}), response: answers({ 200: Type.Object({ ...common, runbook: Type.Optional(Whole) }) }) },
  }, async request => {
    const { value, ...found } = find((await catalog()).runbooks, request.params.name, 'runbook')
    return { ...found, runbook: value }
  })

  app.get('/v1/environments', {
    config: { right: 'read' },
    schema: { operationId: 'listEnvironments', tags: ['catalog'], summary: 'Environments, those with errors too', querystring: Strict({}), response: answers({ 200: Type.Object({ environments: Type.Array(EnvironmentLine) }) }) },
  }, async () => ({ environments: (await catalog()).environments.map(environmentLine) }))

  app.get('/v1/environments/:name', {
    config: { right: 'read' },
    schema: { operationId: 'getEnvironment', tags: ['catalog'], summary: 'One environment, whole', params: NameParams, querystring: Strict({}), response: answers({ 200: Type.Object({ ...common, environment: Type.Optional(Whole) }) }) },
  }, async request => {
    const { value, ...found } = find((await catalog()).environments, request.params.name, 'environment')
    return { ...found, environment: value }
  })
}

function runbookLine ({ value, ...rest }: Listed<Runbook>) {
  const { title, description, type, environments, readOnly } = value ?? {}
  return { ...rest, title, description, type, environments, readOnly, params: Object.keys(value?.params ?? {}), steps: value?.steps.length ?? 0 }
}

function environmentLine ({ value, ...rest }: Listed<Environment>) {
  return { ...rest, title: value?.title, tier: value?.tier }
}
