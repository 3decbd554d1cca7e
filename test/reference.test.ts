import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { actionCatalog } from '../src/drill/actions.js'
import { checkCatalog } from '../src/drill/checks.js'
import { errorTable } from '../src/errors.js'
import { kinds } from '../src/runbook/kinds/index.js'
import { ownActions } from '../src/runbook/inputs.js'
import { referenceFiles, withReference } from '../src/runbook/reference.js'
import { withSharedParts } from '../src/runbook/shared-parts.js'

const doc = (path: string): string => readFileSync(new URL(`../docs/${path}`, import.meta.url), 'utf8')

for (const [path, text] of Object.entries(referenceFiles(doc))) {
  test(`docs/${path} is what the schemas say; if not: npm run docs`, () => { assert.ok(doc(path) === text, `docs/${path} is stale: npm run docs`) })
}

test('the generated part is replaced, what is written by hand stays', () => {
  const once = withReference('# Page\n\nby hand\n')
  assert.equal(withReference(once.replace('by hand', 'by foot')), once.replace('by hand', 'by foot'))
  assert.equal(withReference(once.replace('## Reference: steps', 'old')), once)
})

test('the reference has every kind, action, check and code', () => {
  const page = doc('runbooks.md')
  for (const name of [...Object.keys(kinds), ...Object.keys(actionCatalog), ...Object.keys(checkCatalog)]) {
    assert.equal(page.includes(`### \`${name}\``), !(ownActions as readonly string[]).includes(name), name)
  }
  for (const code of Object.keys(errorTable)) assert.ok(doc('errors.md').includes(`\`${code}\``), code)
})

test('an editor that knows only the published schema agrees with the delivered runbooks', () => {
  const ajv = new Ajv({ strict: false, allErrors: true })
  const validate = ajv.compile(JSON.parse(doc('runbook.schema.json')) as object)
  for (const name of ['database-primary-failure', 'api-crash', 'link-cut', 'network-partition', 'redis-cache-failure', 'steady-state']) {
    const value: unknown = parse(readFileSync(new URL(`../runbooks/${name}.yaml`, import.meta.url), 'utf8'))
    assert.ok(validate(value), `${name}: ${ajv.errorsText(validate.errors)}`)
  }
  assert.equal(validate({ title: 'x', type: 'verification', environments: ['lab'], steps: [{ kind: 'nope', id: 'a' }] }), false)
})

test('a part that stands in a schema twice is written once, whatever lies in it, and the same is taken', () => {
  const text = (what: string): object => ({ type: 'string', pattern: '^[a-z]+$', description: what.repeat(400) })
  const step = { type: 'object', required: ['name'], additionalProperties: false, properties: { name: text('n'), of: { type: 'array', items: text('o') } } }
  const schema = { type: 'object', $defs: { kept: { type: 'integer' } }, properties: { first: step, more: { anyOf: [{ type: 'array', items: step }, text('n')] }, count: { $ref: '#/$defs/kept' } } }
  const drawn = withSharedParts(schema) as { $defs: Record<string, unknown>, properties: { first: unknown } }
  assert.deepEqual([Object.keys(drawn.$defs), drawn.properties.first], [['kept', 'first', 'name'], { $ref: '#/$defs/first' }])
  assert.deepEqual(withSharedParts({ type: 'object', properties: { one: step } }), { type: 'object', properties: { one: step } }, 'what is there once stays where it is')
  const [before, after] = [schema, drawn].map(one => new Ajv({ strict: false }).compile(one))
  for (const value of [{ first: { name: 'a', of: ['b'] } }, { more: [{ name: 'x' }] }, { more: 'word', count: 1 }, { first: {} }, { first: { name: '1' } }, { more: [{ name: 'x', of: ['1'] }] }, { more: '1' }, { count: 'x' }]) {
    assert.equal(after!(value), before!(value), JSON.stringify(value))
  }
})

test('the published schema of suites takes the delivered one, and tells a step that is none', () => {
  const validate = new Ajv({ strict: false }).compile(JSON.parse(doc('suite.schema.json')) as object)
  const suite = parse(readFileSync(new URL('../runbooks/smoke/production.yaml', import.meta.url), 'utf8')) as { checks: Array<Record<string, unknown>> }
  assert.ok(validate(suite), JSON.stringify(validate.errors))
  suite.checks.find(check => check.leftovers !== undefined)!.leftovers = [{ name: 'gone', request: { path: '/x', methods: 'GET' } }]
  assert.equal(validate(suite), false)
})

test('the ten lines of the page are a sound runbook', async () => {
  const example = /```yaml\n([^]*?)```/.exec(doc('runbooks.md'))![1]!
  const { parseSource } = await import('../src/runbook/source.js')
  const { RunbookSchema } = await import('../src/runbook/schema.js')
  const { validator } = await import('../src/runbook/validator.js')
  const source = parseSource('runbooks/is-the-shop-up.yaml', Buffer.from(example))
  assert.deepEqual([source.problems, validator(RunbookSchema)({ name: source.name, ...source.value as object })], [[], []])
})
