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

test('the ten lines of the page are a sound runbook', async () => {
  const example = /```yaml\n([^]*?)```/.exec(doc('runbooks.md'))![1]!
  const { parseSource } = await import('../src/runbook/source.js')
  const { RunbookSchema } = await import('../src/runbook/schema.js')
  const { validator } = await import('../src/runbook/validator.js')
  const source = parseSource('runbooks/is-the-shop-up.yaml', Buffer.from(example))
  assert.deepEqual([source.problems, validator(RunbookSchema)({ name: source.name, ...source.value as object })], [[], []])
})
