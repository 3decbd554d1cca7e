import assert from 'node:assert/strict'
import type { LoadScenario } from '../src/drill/load.js'
import type { Suite } from '../src/drill/suite.js'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { stringify } from 'yaml'
import { instantiate } from '../src/drill/instantiate.js'
import type { Runbook } from '../src/drill/runbook.js'
import { loadCatalog } from '../src/runbook/catalog.js'
import { checkRunbook, type Known } from '../src/runbook/check.js'
import { validateInstance } from '../src/runbook/instance.js'
import { loadEnvironment, loadRunbook } from '../src/runbook/load.js'
import { problemLine } from '../src/runbook/problem.js'
import { labEnvironment } from './fixtures/environments.js'

let root: string
let dir: string
let count = 0
before(async () => { root = await mkdtemp(join(tmpdir(), 'muster-runbook-')) })
beforeEach(async () => { await mkdir(dir = join(root, `t${++count}`)) })
after(async () => { await rm(root, { recursive: true }) })

async function file (text: string | Buffer, name = 'x.yaml'): Promise<string> {
  await writeFile(join(dir, name), text)
  return join(dir, name)
}

const head = 'title: X\ntype: full-test\nenvironments: [tier:lab]\n'
const observe = 'observe: { database: "{{ env.database }}", canaries: { writers: 1, perSecond: 1 }, probe: { interval: 1s, timeout: 1s, failures: 1, successes: 1 } }\n'
/** A runbook with these steps, one a line from line 5 on (6 with `more`). */
const book = (steps: string[], more = ''): string => `${head}${more}steps:\n${steps.map(step => `  - ${step}\n`).join('')}`

/** What is wrong with a text: `line:column message (hint)` each. */
async function wrongWith (text: string | Buffer, known: Known = {}): Promise<string[]> {
  const path = await file(text)
  const loaded = await loadRunbook(path)
  const problems = loaded.value ? [...loaded.problems, ...checkRunbook({ ...loaded, value: loaded.value }, known)] : loaded.problems
  return problems.map(problem => problemLine(problem).replace(`${path}:`, ''))
}

/** Asserts exactly one problem, at this place and with this text. */
async function oneProblem (text: string, place: string, message: RegExp, known: Known = {}): Promise<void> {
  const found = await wrongWith(text, known)
  assert.equal(found.length, 1, `${text}\n→ ${found.join('\n→ ')}`)
  assert.ok(found[0]!.startsWith(`${place} `), `${found[0]} is not at ${place}`)
  assert.match(found[0]!, message)
}

const say = '{ id: say, kind: notify, message: hello }'
const steady = '{ id: steady, kind: check, check: postgres.steady, with: { database: "{{ env.database }}" } }'
const cut = '{ id: cut, kind: action, action: toxiproxy.cut, with: { link: "{{ env.database.links.api }}" } }'
const gateWith = (more: string): string => book([`{ id: g, kind: gate, effect: e, role: approver, ${more} }`])
const lab = labEnvironment()
const inLab: Known = { environments: [lab] }

test('the delivered runbooks have no problem, alone and in an environment', async () => {
  await writeFile(join(dir, 'lab.yaml'), stringify(lab))
  const catalog = await loadCatalog({ runbookDirs: ['runbooks'], environmentDirs: [dir, 'runbooks/environments'] })
  assert.deepEqual(catalog.problems.map(problemLine), [])
  for (const name of ['database-primary-failure', 'api-crash', 'link-cut', 'network-partition', 'redis-cache-failure', 'steady-state']) {
    const { value, hash } = catalog.runbook(name)
    assert.match(hash, /^[0-9a-f]{64}$/)
    const instance = instantiate(value, { params: {}, environment: catalog.environment('lab').value })
    assert.deepEqual([instance.problems, validateInstance(instance.runbook)], [[], []])
  }
})

test('a sound runbook has no problem, and its name is that of its file', async () => {
  assert.deepEqual(await wrongWith(book([say, steady])), [])
  const { value, hash } = await loadRunbook(await file(book([say]), 'my-runbook.yaml'))
  assert.equal(value!.name, 'my-runbook')
  assert.notEqual(hash, (await loadRunbook(await file(`${book([say])}# x\n`, 'my-runbook.yaml'))).hash)
})

test('a problem is one line with file, line, column, and a hint', async () => {
  const path = await file(book(['{ id: a, knid: notify, message: x }']))
  const { problems } = await loadRunbook(path)
  assert.deepEqual(problems.map(problemLine), [`${path}:5:5 "kind" is missing (it is one of action, undo, check, load, suite, gate, task, wait, notify, parallel, runbook)`])
})

const shapes: Array<[what: string, text: string, place: string, message: RegExp]> = [
  ['an unknown key', book(['{ id: a, kind: notify, mesage: x }']), '5:28', /unknown key "mesage" \(did you mean "message"\?\)/],
  ['an unknown key at the top', `titel: x\n${head.replace('title: X\n', '')}steps: [${say}]\n`, '1:1', /unknown key "titel" \(did you mean "title"\?\)/],
  ['an unknown kind', book(['{ id: a, kind: notfy, message: x }']), '5:20', /there is no kind "notfy" \(did you mean "notify"\?\)/],
  ['a kind that is no text', book(['{ id: a, kind: 3, message: x }']), '5:5', /"kind" is missing/],
  ['an unknown action', book(['{ id: a, kind: action, action: postgres.promte }']), '5:36', /"postgres.promte" is not one of .* \(did you mean "postgres.promote"\?\)/],
  ['an action of the drill itself', book(['{ id: a, kind: action, action: canaries.prepare }']), '5:36', /is not one of/],
  ['an unknown check', book(['{ id: a, kind: check, check: http.okay }']), '5:34', /"http.okay" is not one of .* \(did you mean "http.ok"\?\)/],
  ['a missing field', book(['{ id: a, kind: notify }']), '5:5', /"message" is missing/],
  ['a step that is no object', book(['hello']), '5:5', /must be object/],
  ['a malformed duration', book(['{ id: a, kind: wait, for: 5 minutes }']), '5:31', /must be a duration, for example 500ms.*, not "5 minutes"/],
  ['a number for a duration', book(['{ id: a, kind: wait, for: 5 }']), '5:31', /must be a duration.*, not 5/],
  ['a step id with capitals', book(['{ id: A, kind: notify, message: x }']), '5:11', /must be a name of small letters/],
  ['an expression as condition', book(['{ id: a, kind: notify, message: x, when: "params.x > 1" }']), '5:46', /must be true, false or one lookup/],
  ['no environment', book([say]).replace('[tier:lab]', '[]'), '3:15', /fewer than 1/],
  ['an unknown tier', book([say]).replace('tier:lab', 'tier:prod'), '3:16', /tier:staging/],
  ['no steps', `${head}steps: []\n`, '4:8', /fewer than 1/],
  ['a wait for nothing known', book(['{ id: a, kind: wait, until: { reboot: true }, deadline: 1s }']), '5:33', /needs one of detected, recovered, check/],
  ['a mistake in one branch of until', book(['{ id: a, kind: wait, until: { detected: [alrt] }, deadline: 1s }']), '5:46', /not "alrt"|"alrt" is not one of/],
  ['an unknown role', gateWith('deadline: 1m').replace('role: approver', 'role: aprover'), '5:43', /did you mean "approver"/],
  ['no approval at all', gateWith('deadline: 1m, approvals: 0'), '5:78', /a whole number from 1 to 20, or one lookup, not 0/],
  ['an unknown parameter type', book([say], 'params: { x: { type: int } }\n'), '4:22', /is not one of string, integer/],
  ['a parameter name that no lookup can say', book([say], 'params: { "a b": { type: string } }\n'), '4:11', /"a b" is no name here/],
]
for (const [what, text, place, message] of shapes) {
  test(`${what} is one problem, at its place`, async () => { await oneProblem(text, place, message) })
}

test('two bad steps are two problems', async () => {
  assert.equal((await wrongWith(book(['{ id: a, kind: nope }', '{ id: b, kind: notify }']))).length, 2)
})

test('a step inside a branch is found at its own line', async () => {
  await oneProblem(`${head}steps:\n  - id: p\n    kind: parallel\n    branches:\n      - - ${say}\n      - - id: b\n          kind: wiat\n`, '10:17', /did you mean "wait"/)
})

const yaml: Array<[what: string, text: string, place: string, message: RegExp]> = [
  ['an empty file', '', '1:1', /the file is empty/],
  ['a list', '- a\n', '1:1', /the file holds no mapping/],
  ['a second document', `${book([say])}---\n${head}`, '6:1', /more than one document/],
  ['a key twice', `${book([say])}title: Y\n`, '6:1', /the same key twice/],
  ['a tab', `${head}steps:\n\t- ${say}\n`, '5:1', /a tab at the start of a line/],
  ['a tag', book([say]).replace('X', '!!str X'), '1:14', /a tag/],
  ['a tag of a function', book([say]).replace('X', '!!js/function X'), '1:22', /a tag/],
  ['an alias to nothing', book([say]).replace('X', '*nope'), '1:8', /\*nope names nothing/],
  ['an alias inside what it names', 'a: &x [*x]\n', '1:8', /stands inside what it names/],
  ['nested maps as keys', '? [a]\n: 1\n', '1:3', /a key that is no plain text/],
  ['a directive', '%YAML 1.1\n---\ntitle: yes\n', '1:1', /YAML directive/],
  ['a bracket that is never closed', 'title: [a\ntype: x\n', '2:1', /./],
]
for (const [what, text, place, message] of yaml) {
  test(`${what} is refused with its place`, async () => { await oneProblem(text, place, message) })
}

test('aliases that multiply, and endless nesting, are refused in no time', async () => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]', ...'bcdefghi'.split('').map((letter, index) => `${letter}: &${letter} [${Array(10).fill(`*${'abcdefgh'[index]}`).join(',')}]`)].join('\n')
  const startedAt = performance.now()
  assert.match((await wrongWith(bomb))[0]!, /too many aliases/)
  for (const text of ['['.repeat(250_000), '- '.repeat(100_000), '{a: '.repeat(60_000)]) assert.match((await wrongWith(text))[0]!, /nested deeper than 40/)
  assert.ok(performance.now() - startedAt < 3000)
})

test('a file over its limit is refused before it is parsed, with the limit', async () => {
  await assert.rejects(loadRunbook(await file(`# ${'x'.repeat(256 * 1024)}\n`)), { code: 'input.tooLarge', message: /limit is 262144/ })
})

test('more than 500 steps are refused, those in branches counted too', async () => {
  const many = (count: number): string => book(Array.from({ length: count }, (_, index) => `{ id: s${index}, kind: notify, message: x }`))
  assert.deepEqual(await wrongWith(many(500)), [])
  await oneProblem(many(501), '5:3', /501 steps; the limit is 500/)
  const branch = Array.from({ length: 99 }, (_, index) => `{ id: s${index}, kind: notify, message: x }`)
  const wide = Array.from({ length: 6 }, (_, index) => `{ id: p${index}, kind: parallel, branches: [[${branch.map(step => step.replace('id: s', `id: s${index}-`)).join(', ')}]] }`)
  await oneProblem(book(wide), '5:3', /600 steps/)
})

test('a file with another name, or that is no file, is refused', async () => {
  for (const name of ['X.yaml', 'x.yml', '-x.yaml', `${'x'.repeat(64)}.yaml`, 'x y.yaml']) {
    await assert.rejects(loadRunbook(join(dir, name)), { code: 'input.invalid', message: /is named with small letters/ }, name)
  }
  await assert.rejects(loadRunbook(join(dir, 'gone.yaml')), { code: 'input.invalid', message: /cannot be read/ })
  await mkdir(join(dir, 'folder.yaml'))
  await assert.rejects(loadRunbook(join(dir, 'folder.yaml')), { code: 'input.invalid', message: /is no file/ })
})

test('a name in the file must be that of the file', async () => {
  await oneProblem(`name: other\n${book([say])}`, '1:7', /named "other" in a file that is named "x"/)
})

const par = (more: string): string => `params: { n: { ${more} } }\n`
const useN = '{ id: a, kind: notify, message: "{{ params.n }}" }'
const http = (more: string): string => `{ id: a, kind: check, check: http.ok, with: { url: "http://x/" }, ${more} }`
const brk = '{ id: b, kind: action, action: postgres.break, with: { database: "{{ env.database }}", node: pg1, fault: kill } }'
const noCanaries = observe.replace(/canaries: \{.*?\}, /, '')

/** What a runbook may ask for by name, and nothing of it with errors but `broken`. */
const tests: Known = {
  scenarios: new Map<string, LoadScenario | undefined>([['peak', {} as LoadScenario], ['stress', { levels: { users: 1, every: '1s' } } as LoadScenario], ['customers', { held: true } as LoadScenario], ['broken', undefined]]),
  suites: new Map([['production', { params: { page: '/' }, checks: [{ id: 'tls' }] } as unknown as Suite], ['broken', undefined]]),
}

const rules: Array<[what: string, text: string, place: string, message: RegExp, known?: Known]> = [
  ['a step id used twice', book([say, say]), '6:11', /there is a step "say" already, in line 5/],
  ['a lookup of an undeclared parameter', book(['{ id: a, kind: notify, message: "{{ params.nota }} {{ params.note }}" }'], 'params: { note: { type: string } }\n'), '6:37', /there is no parameter "nota" \(did you mean "note"\?\)/],
  ['a lookup of a value that an enum never has', book(['{ id: a, kind: notify, message: x, when: "{{ params.n.kil }}" }'], par('type: string, enum: [kill, freeze], default: kill')), '6:46', /never is "kil" \(did you mean "kill"\?\)/],
  ['a lookup of a part of a plain parameter', book(['{ id: a, kind: notify, message: "{{ params.n.x }}" }'], par('type: string, default: x')), '6:37', /has no parts/],
  ['a lookup of what no environment has', book(['{ id: a, kind: notify, message: "{{ env.databse.nodes }}" }']), '5:37', /no "databse" \(did you mean "database"\?\)/],
  ['a lookup of what this environment has not', book(['{ id: a, kind: notify, message: "{{ env.database.nodes.pg9.port }}" }']), '5:37', /nodes has pg1, pg2 \(in environment lab\)/, inLab],
  ['a lookup of a step that is not there', book([steady, '{ id: a, kind: notify, message: "{{ steps.stedy.output.primary }}" }']), '6:37', /no step "stedy" \(did you mean "steady"\?\)/],
  ['a lookup of a later step', book(['{ id: a, kind: notify, message: "{{ steps.steady.output.primary }}" }', steady]), '5:37', /"steady" is not an earlier step/],
  ['a lookup of a step without output', book([say, '{ id: a, kind: notify, message: "{{ steps.say.output.x }}" }']), '6:37', /is a notify, which has no output/],
  ['a lookup of a step that names no output', book([steady, '{ id: a, kind: notify, message: "{{ steps.steady.primary }}" }']), '6:37', /names no output/],
  ['a lookup of a step outside of steps', `${head.replace('title: X', 'title: "{{ steps.steady.output.primary }}"')}steps: [${steady}]\n`, '1:8', /not known here/],
  ['a lookup of a step in another branch', book([`{ id: p, kind: parallel, branches: [[${steady}], [{ id: a, kind: notify, message: "{{ steps.steady.output.primary }}" }]] }`]), '5:', /not an earlier step/],
  ['an expression', book(['{ id: a, kind: notify, message: "{{ params.n + 1 }}" }']), '5:37', /is no lookup .*no expressions/],
  ['a lookup that does not end', book(['{ id: a, kind: notify, message: "{{ env.name" }']), '5:37', /does not end/],
  ['an undo of a step that is not there', book([cut, '{ id: u, kind: undo, of: cutt }']), '6:30', /no step "cutt" to undo \(did you mean "cut"\?\)/],
  ['an undo of a later step', book(['{ id: u, kind: undo, of: cut }', cut]), '5:30', /is not an earlier step/],
  ['an undo of no action', book([say, '{ id: u, kind: undo, of: say }']), '6:30', /"say" is a notify/],
  ['an undo of a load that is over', book(['{ id: l, kind: load, scenario: peak }', '{ id: u, kind: undo, of: l }']), '6:30', /"l" is over when the next step begins \(background: true\)/],
  ['a load in a runbook that touches nothing', book(['{ id: l, kind: load, scenario: peak }'], 'readOnly: true\n'), '6:36', /readOnly touches nothing, but a load does/],
  ['a load of a scenario that is not there', book(['{ id: l, kind: load, scenario: paek }']), '5:36', /no scenario "paek" \(did you mean "peak"\?\)/, tests],
  ['a scenario to be held that nothing runs beside', book(['{ id: l, kind: load, scenario: customers }']), '5:36', /made to be held while other steps run/, tests],
  ['shards of a scenario that steps up', book(['{ id: l, kind: load, scenario: stress, shards: 2 }']), '5:52', /steps up, and each load is judged as a whole/, tests],
  ['more than all of a scenario’s time', book(['{ id: l, kind: load, scenario: peak, percent: 101 }']), '5:51', /a whole number from 1 to 100/],
  ['a suite that is not there', book(['{ id: s, kind: suite, suite: producton }']), '5:34', /no suite "producton" \(did you mean "production"\?\)/, tests],
  ['a check that a suite has not', book(['{ id: s, kind: suite, suite: production, checks: [tsl] }']), '5:55', /no check "tsl" \(did you mean "tls"\?\)/, tests],
  ['a parameter that a suite has not', book(['{ id: s, kind: suite, suite: production, params: { pag: x } }']), '5:56', /no parameter "pag" \(did you mean "page"\?\)/, tests],
  ['a second undo of the same', book([cut, '{ id: u, kind: undo, of: cut }', '{ id: v, kind: undo, of: cut }']), '7:30', /undone already/],
  ['a gate with a deadline of nothing', gateWith('deadline: 0s'), '5:', /nobody can answer in no time/],
  ['a reminder longer than the deadline', gateWith('deadline: 5m, reminders: [5m]'), '5:', /reminds 5m before a deadline of 5m/],
  ['an escalation to nobody', gateWith('deadline: 5m, onTimeout: escalate'), '5:', /escalates to nobody/],
  ['an escalation to the same role', gateWith('deadline: 5m, onTimeout: escalate, escalateTo: approver'), '5:', /the role that did not answer/],
  ['an escalation that never happens', gateWith('deadline: 5m, escalateTo: management'), '5:', /by onTimeout: escalate only/],
  ['a gate for more people than hold the role', gateWith('deadline: 5m, approvals: 3'), '5:', /needs 3 × approver, and 2 people hold/, { holders: { approver: 2 } }],
  ['a quorum that a parameter can make nothing', book(['{ id: g, kind: gate, effect: e, role: approver, deadline: 1m, approvals: "{{ params.n }}" }'], par('type: integer, default: 1')), '6:', /may be below 1/],
  ['a quorum that is no number', book(['{ id: g, kind: gate, effect: e, role: approver, deadline: 1m, approvals: "{{ params.n }}" }'], par('type: string, default: x')), '6:', /"n" is no integer/],
  ['a task with a deadline of nothing', book(['{ id: t, kind: task, instructions: i, role: engineer, deadline: 0ms }']), '5:', /in no time/],
  ['a wait for nothing', book(['{ id: w, kind: wait }']), '5:5', /waits for nothing/],
  ['a wait for two things', book(['{ id: w, kind: wait, for: 1s, until: { detected: [alert] }, deadline: 1s }']), '5:31', /for a time and for a condition/],
  ['a wait for a time with a deadline', book(['{ id: w, kind: wait, for: 1s, deadline: 2s }']), '5:45', /its own deadline/],
  ['a condition without deadline', book(['{ id: w, kind: wait, until: { detected: [alert] } }']), '5:33', /could wait for ever/],
  ['a condition with no time', book(['{ id: w, kind: wait, until: { detected: [alert] }, deadline: 0s }']), '5:66', /comes true in no time/],
  ['a wait for recovery that nothing observes', book(['{ id: w, kind: wait, until: { recovered: true }, deadline: 1s }']), '5:46', /nothing observes/],
  ['a wait for a probe that is not there', book(['{ id: w, kind: wait, until: { detected: [probe] }, deadline: 1s }']), '5:45', /no probe/],
  ['a waiting check without a pause', book(['{ id: w, kind: wait, until: { check: http.ok, with: { url: "http://x/" }, every: 0s }, deadline: 1s }']), '5:86', /without a pause/],
  ['a waiting check with a wrong input', book(['{ id: w, kind: wait, until: { check: http.ok, with: { uri: "http://x/", url: "http://x/" }, every: 1s }, deadline: 1s }']), '5:', /takes no "uri" \(did you mean "url"\?\)/],
  ['a check asked for ever', book([http('every: 1s')]), '5:78', /nothing ends it/],
  ['a check with an end and no pace', book([http('within: 1s')]), '5:79', /not how often/],
  ['a check without a pause', book([http('every: 0s, within: 1s')]), '5:78', /without a pause/],
  ['an input that is missing', book(['{ id: a, kind: check, check: http.ok }']), '5:5', /http.ok needs url/],
  ['an input that is unknown', book(['{ id: a, kind: check, check: http.ok, with: { url: "http://x/", ur: 1 } }']), '5:69', /takes no "ur" \(did you mean "url"\?\)/],
  ['an input of the wrong form', book(['{ id: a, kind: check, check: http.ok, with: { url: ftp } }']), '5:56', /must be an address/],
  ['a fault that is none', book([brk.replace('fault: kill', 'fault: explode')], observe), '6:', /"explode" is not one of kill/],
  ['an input that turns out wrong in an environment', book([cut.replace('env.database.links.api', 'env.api')]), '5:67', /\{\{ env.api \}\} leads to something else than is needed here: "toxiproxy" is missing \(in environment lab\)/, { environments: [labEnvironment({ api: { url: 'https://x/', instances: [] } })] }],
  ['a lease longer than the runbook’s maximum', book([cut.replace(/ }$/, ', lease: 2m }')], 'maxLease: 1m\n'), '6:', /a lease of 2m is longer than the runbook’s maximum of 1m/],
  ['a lease longer than any', book([cut.replace(/ }$/, ', lease: 1h }')]), '5:', /longer than the runbook’s maximum of 5m/],
  ['a fault that nothing observes', book([brk]), '5:', /nothing observes it/],
  ['an action in a runbook that touches nothing', book([cut], 'readOnly: true\n'), '6:', /readOnly touches nothing/],
  ['canaries in a runbook that touches nothing', book([say], `readOnly: true\n${observe}`), '5:', /canaries are writes/],
  ['canaries without a database', book([say], observe.replace('database: "{{ env.database }}", ', '').replace('successes: 1', 'successes: 1, http: [{ name: a, url: "http://x/" }]')), '4:', /no database that canaries/],
  ['a probe that looks at nothing', book([say], noCanaries.replace('database: "{{ env.database }}", ', '')), '4:', /nothing to look at/],
  ['a probe without a pause', book([say], observe.replace('interval: 1s', 'interval: 0s')), '4:', /without a pause/],
  ['a probe that waits for nothing', book([say], observe.replace('timeout: 1s', 'timeout: 0s')), '4:', /answers in no time/],
  ['a comparison of canaries that nobody writes', book(['{ id: a, kind: check, check: canaries.compare, with: { database: "{{ env.database }}", failed: a, promoted: b } }'], noCanaries), '6:', /no canaries to compare/],
  ['a default that its enum has not', book([useN], par('type: string, enum: [a, b], default: c')), '4:', /default of "n" takes one of a, b, not "c"/],
  ['a default below its minimum', book([useN], par('type: integer, minimum: 2, default: 1')), '4:', /whole number from 2, not 1/],
  ['a default of another type', book([useN], par('type: integer, default: "1"')), '4:', /takes a whole number, not "1"/],
  ['a default that is no duration', book([useN], par('type: duration, default: soon')), '4:', /takes a duration/],
  ['an enum of something else than text', book([useN], par('type: integer, enum: [a]')), '4:', /an integer has no enum/],
  ['a minimum of text', book([useN], par('type: string, minimum: 1')), '4:', /a string has no minimum/],
  ['a maximum of text', book([useN], par('type: string, maximum: 1')), '4:', /a string has no maximum/],
  ['a range that is empty', book([useN], par('type: integer, minimum: 3, maximum: 2')), '4:', /minimum 3 is above maximum 2/],
  ['a channel that the environment has not', book(['{ id: a, kind: notify, message: x, channels: [opps] }']), '5:', /no channel "opps" \(did you mean "ops"\?\)/, inLab],
]
for (const [what, text, place, message, known] of rules) {
  test(`${what} is refused`, async () => {
    const found = await wrongWith(text, known)
    assert.equal(found.length, 1, `→ ${found.join('\n→ ')}`)
    assert.ok(found[0]!.startsWith(place), `${found[0]} is not at ${place}`)
    assert.match(found[0]!, message)
  })
}

test('a parameter that nothing uses is a warning, which refuses nothing', async () => {
  await file(book([say], par('type: string, default: x')))
  const catalog = await loadCatalog({ runbookDirs: [dir], environmentDirs: [] })
  assert.deepEqual(catalog.problems.map(({ level, line, column, message }) => [level, line, column, message]), [['warning', 4, 11, 'nothing uses parameter "n"']])
  assert.equal(catalog.runbook('x').value.title, 'X')
})

test('a parameter that has to be given is checked with a value it could have', async () => {
  assert.deepEqual(await wrongWith(book([brk.replace('fault: kill', 'fault: "{{ params.n }}"')], `${observe}${par('type: string')}`), inLab), [])
})

test('an environment that the runbook does not name is not held against it', async () => {
  const text = book(['{ id: a, kind: notify, message: "{{ env.database.nodes.pg9.port }}" }'])
  assert.deepEqual(await wrongWith(text, { environments: [labEnvironment({ tier: 'staging' })] }), [])
})

async function nestedBooks (books: Record<string, string>): Promise<string[]> {
  for (const [name, text] of Object.entries(books)) await file(text, `${name}.yaml`)
  const catalog = await loadCatalog({ runbookDirs: [dir], environmentDirs: [] })
  return catalog.problems.map(problem => problemLine(problem).replace(`${dir}/`, ''))
}
const run = (name: string, more = ''): string => `{ id: run-${name}, kind: runbook, runbook: ${name}${more} }`

test('a nested runbook must be there, and get the parameters that it takes', async () => {
  assert.deepEqual(await nestedBooks({ inner: book([useN], par('type: integer, maximum: 3')), outer: book([run('iner'), run('inner'), run('inner', ', params: { n: 4, m: 1 }').replace('run-inner', 'again')]) }), [
    'outer.yaml:5:45 there is no runbook "iner" (did you mean "inner"?)',
    'outer.yaml:6:46 inner needs parameter "n" (it takes a whole number to 3)',
    'outer.yaml:7:62 parameter "n" of inner takes a whole number to 3, not 4',
    'outer.yaml:7:65 inner has no parameter "m" (there is n)',
  ])
})

test('runbooks that run each other are refused, with the way round', async () => {
  const found = await nestedBooks({ a: book([run('b')]), b: book([`{ id: p, kind: parallel, branches: [[${run('c')}]] }`]), c: book([run('a')]) })
  assert.match(found[0]!, /^a\.yaml:5:\d+ runs itself: a → b → c → a$/)
  assert.equal(found.length, 3)
})

test('a runbook that touches nothing nests none that does', async () => {
  assert.match((await nestedBooks({ inner: book([cut]), outer: book([run('inner')], 'readOnly: true\n') }))[0]!, /touches nothing, but inner may/)
})

test('a nested runbook may run wherever the outer one may', async () => {
  await mkdir(join(dir, 'e'))
  await writeFile(join(dir, 'e', 'lab.yaml'), stringify(lab))
  await file(book([say]).replace('tier:lab', 'tier:staging'), 'inner.yaml')
  await file(book([run('inner')]), 'outer.yaml')
  const { problems } = await loadCatalog({ runbookDirs: [dir], environmentDirs: [join(dir, 'e')] })
  assert.match(problems[0]!.message, /inner may not run in lab/)
})

test('the catalogue gives what a drill nests, at any depth', async () => {
  await nestedBooks({ a: book([run('b')]), b: book([run('c')]), c: book([say]) })
  const catalog = await loadCatalog({ runbookDirs: [dir], environmentDirs: [] })
  assert.deepEqual(Object.keys(catalog.nested(catalog.runbook('a').value)), ['b', 'c'])
})

test('one bad file hides none of the others, and is refused when it is asked for', async () => {
  await file(book([say]), 'good.yaml')
  await file(book(['{ id: a, kind: nope }']), 'bad.yaml')
  await file('x', 'Bad Name.yaml')
  await file(`# ${'x'.repeat(300_000)}`, 'huge.yaml')
  await file('junk', '.good.yaml.swp')
  const catalog = await loadCatalog({ runbookDirs: [dir, join(dir, 'absent')], environmentDirs: [] })
  assert.equal(catalog.runbook('good').value.title, 'X')
  assert.throws(() => catalog.runbook('bad'), { code: 'runbook.invalid', message: /bad\.yaml:5:\d+ there is no kind "nope"/ })
  assert.throws(() => catalog.runbook('huge'), { code: 'runbook.invalid', message: /limit is 262144/ })
  assert.throws(() => catalog.runbook('goood'), { code: 'runbook.unknown', message: /there is no runbook "goood" \(did you mean "good"\?\)/ })
  assert.throws(() => catalog.environment('lab'), { code: 'environment.unknown' })
  assert.equal(catalog.problems.length, 3)
})

test('a name that leads out of the folder is refused before any file is touched', async () => {
  const catalog = await loadCatalog({ runbookDirs: [dir], environmentDirs: [] })
  for (const name of ['../x', 'a/b', '..', '', 'X', 'x\0', '__proto__']) {
    assert.throws(() => catalog.runbook(name), { code: 'input.invalid' }, name)
    assert.throws(() => catalog.environment(name), { code: 'input.invalid' }, name)
  }
})

test('an environment gets its defaults, from every folder, and one name counts once', async () => {
  const [a, b] = [join(dir, 'a'), join(dir, 'b')]
  await mkdir(a)
  await mkdir(b)
  const { taskQueue: _, breakGlass: __, name: ___, ...bare } = labEnvironment()
  delete bare.database!.swappedRolesAllowed
  await writeFile(join(a, 'one.yaml'), stringify(bare))
  await writeFile(join(b, 'two.yaml'), stringify(bare))
  const catalog = await loadCatalog({ runbookDirs: [], environmentDirs: [a, b] })
  const { value } = catalog.environment('two')
  assert.deepEqual([value.name, value.taskQueue, value.breakGlass, value.database!.swappedRolesAllowed], ['two', 'muster', false, false])
  await writeFile(join(b, 'one.yaml'), stringify(bare))
  const again = await loadCatalog({ runbookDirs: [], environmentDirs: [a, b] })
  assert.match(problemLine(again.problems[0]!), /b\/one\.yaml:1:1 there is a "one" already, in .*a\/one\.yaml/)
})

const wrongEnvironments: Array<[what: string, change: (environment: ReturnType<typeof labEnvironment>) => void, message: RegExp]> = [
  ['two nodes of one name', environment => { environment.database!.nodes[1]!.name = 'pg1' }, /two named "pg1"/],
  ['a single node', environment => { environment.database!.nodes.pop() }, /fewer than 2/],
  ['a control of no known kind', environment => { environment.api!.instances[0]!.control = { kind: 'dcoker' } as never }, /no kind "dcoker" \(did you mean "docker"\?\)/],
  ['an unknown tier', environment => { environment.tier = 'prod' as never }, /is not one of lab/],
  ['a relative path', environment => { environment.database!.nodes[0]!.dataDir = 'data' }, /must be an absolute path/],
  ['a recovery time of nothing', environment => { environment.objectives!.rto = '0s' }, /no recovery takes no time/],
  ['a blackout that ends before it begins', environment => { environment.blackouts = [{ from: '2026-12-02T00:00:00Z', to: '2026-12-01T00:00:00Z', reason: 'x' }] }, /ends before it begins/],
  ['a blackout on a day that does not exist', environment => { environment.blackouts = [{ from: '2026-13-02T00:00:00Z', to: '2027-12-01T00:00:00Z', reason: 'x' }] }, /no such time/],
  ['a blackout without a zone', environment => { environment.blackouts = [{ from: '2026-12-02T00:00:00', to: '2027-12-01T00:00:00Z', reason: 'x' }] }, /an ISO time with its zone/],
]
for (const [what, change, message] of wrongEnvironments) {
  test(`an environment with ${what} is refused`, async () => {
    const environment = labEnvironment()
    change(environment)
    const { problems } = await loadEnvironment(await file(stringify(environment), 'lab.yaml'))
    assert.equal(problems.length, 1, problems.map(problemLine).join('\n'))
    assert.match(problemLine(problems[0]!), message)
  })
}

test('a secret that was written into the file is refused, and never repeated', async () => {
  const environment = labEnvironment()
  environment.database!.endpoint.password = 'hunter2'
  const { problems } = await loadEnvironment(await file(stringify(environment), 'lab.yaml'))
  assert.match(problems[0]!.message, /must be a reference, env:NAME/)
  assert.doesNotMatch(JSON.stringify(problems), /hunter2/)
})

test('an instance must be whole, but for outputs that nobody has yet', () => {
  const base: Runbook = { name: 'r', title: 'R', type: 'full-test', environments: ['lab'], steps: [] }
  const flaws = (steps: Runbook['steps']) => validateInstance({ ...base, steps }).map(({ pointer, message }) => `${pointer} ${message}`)
  assert.deepEqual(flaws([{ id: 'a', kind: 'action', action: 'haproxy.switch', with: { database: lab.database, to: '{{ steps.x.output.y }}' } }, { id: 'b', kind: 'wait', for: '{{ steps.x.output.y }}' }]), [])
  assert.match(flaws([{ id: 'g', kind: 'gate', effect: 'e', role: 'approver', deadline: '1m', approvals: '{{ params.n }}' }])[0]!, /^\/steps\/0\/approvals must be/)
  assert.match(flaws([{ id: 'a', kind: 'action', action: 'haproxy.switch', with: { to: 'pg1' } }])[0]!, /^\/steps\/0\/with "database" is missing/)
  assert.match(flaws([{ id: 'p', kind: 'parallel', branches: [[{ id: 'a', kind: 'check', check: 'http.ok', with: { url: 3 } }]] }])[0]!, /^\/steps\/0\/branches\/0\/0\/with\/url /)
  assert.deepEqual(flaws([{ id: 'a', kind: 'action', action: 'component.kill', when: false, with: { component: '{{ env.cache }}' } }]), [])
})
