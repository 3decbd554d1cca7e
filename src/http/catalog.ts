import { Type } from 'typebox'
import type { Environment } from '../drill/environment.js'
import type { Runbook } from '../drill/runbook.js'
import type { Loaded } from '../runbook/load.js'
import { errorsOf, problemLine } from '../runbook/problem.js'
import type { App, AppDeps } from './deps.js'
import { answers, Strict } from './schemas/answers.js'
import { NameParams } from './schemas/ids.js'
import { Tier } from './schemas/status.js'

const text = Type.Optional(Type.String())
const common = { name: Type.String(), file: Type.String(), hash: Type.String({ description: 'SHA-256 of the file, hex' }), problems: Type.Array(Type.String(), { description: 'file:line:col each' }), usable: Type.Boolean({ description: 'Whether it has no error; warnings refuse nothing' }) }
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
    const { name } = request.params
    const all = await catalog()
    // Who is asked for by a name that is not there says so; a file with errors is shown all the same.
    const found = all.runbooks.find(one => one.name === name) ?? all.runbook(name)
    return { ...factsOf(found), runbook: found.value }
  })

  app.get('/v1/environments', {
    config: { right: 'read' },
    schema: { operationId: 'listEnvironments', tags: ['catalog'], summary: 'Environments, those with errors too', querystring: Strict({}), response: answers({ 200: Type.Object({ environments: Type.Array(EnvironmentLine) }) }) },
  }, async () => ({ environments: (await catalog()).environments.map(environmentLine) }))

  app.get('/v1/environments/:name', {
    config: { right: 'read' },
    schema: { operationId: 'getEnvironment', tags: ['catalog'], summary: 'One environment, whole', params: NameParams, querystring: Strict({}), response: answers({ 200: Type.Object({ ...common, environment: Type.Optional(Whole) }) }) },
  }, async request => {
    const { name } = request.params
    const all = await catalog()
    const found = all.environments.find(one => one.name === name) ?? all.environment(name)
    return { ...factsOf(found), environment: found.value }
  })
}

function factsOf<T> ({ name, file, hash, value, problems }: Loaded<T>) {
  return { name, file, hash, problems: problems.map(problemLine), usable: value !== undefined && errorsOf(problems).length === 0 }
}

function runbookLine (loaded: Loaded<Runbook>) {
  const { title, description, type, environments, readOnly, params, steps } = loaded.value ?? {}
  return { ...factsOf(loaded), title, description, type, environments, readOnly, params: Object.keys(params ?? {}), steps: steps?.length ?? 0 }
}

function environmentLine (loaded: Loaded<Environment>) {
  return { ...factsOf(loaded), title: loaded.value?.title, tier: loaded.value?.tier }
}
