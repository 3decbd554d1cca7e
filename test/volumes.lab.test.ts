import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { toolCache } from '../src/tools.js'
import { livingOf } from './fixtures/lab-traces.js'

// Root becomes nobody for it: root may mount anyway, and a lab with volumes of root's is tested in disk.lab.test.
const plain = process.getuid?.() === 0 ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : []
const ownNamespace = ['unshare', '--user', '--mount', '--map-current-user', '--keep-caps']

let base: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'muster-volumes-'))
  chmodSync(base, 0o755)
  if (plain.length > 0) chownSync(base, 65534, 65534)
})
afterEach(() => { rmSync(base, { recursive: true, force: true }) })

function run (...prefix: string[]): Record<string, unknown> {
  const [program, ...args] = [...prefix, process.execPath, '--import', 'tsx', fileURLToPath(new URL('fixtures/own-volumes.ts', import.meta.url)), base]
  return JSON.parse(execFileSync(program!, args, { encoding: 'utf8', env: { ...process.env, TMPDIR: base } })) as Record<string, unknown>
}

function mayHaveNamespace (): boolean {
  try {
    const [program, ...args] = [...plain, ...ownNamespace, 'true']
    execFileSync(program!, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('who may not mount is refused volumes, and told how to have them', () => {
  const { refused, message } = run(...plain)
  assert.equal(refused, 'lab.failed', String(message))
  assert.match(String(message), /this user may not .*start the lab as root, or with all of Muster inside of `unshare --user --mount --map-current-user --keep-caps`/s)
})

test('in a user namespace of its own a plain user has volumes in memory, fills one, and leaves no mount; where there are no namespaces that is said', () => {
  const namespace = mayHaveNamespace()
  const seen = run(...plain, ...namespace ? ownNamespace : [])
  if (!namespace) return assert.equal(seen.refused, 'lab.failed')
  assert.deepEqual(seen, { uid: plain.length > 0 ? 65534 : process.getuid?.(), mounts: 4, kinds: ['tmpfs'], before: 'fail', filled: 'pass', undone: true, left: [] })
})

// `npm run test:disks` sets it: there all of disk.lab.test runs so.
const all = process.env.MUSTER_TEST_ALL_VOLUMES === '1'

test('a plain user in a user namespace drills a disk that fills: alert, end, recovery, undo, and nothing is left', { skip: !mayHaveNamespace() && 'no user namespaces here' }, () => {
  const tests = fileURLToPath(new URL('disk.lab.test.ts', import.meta.url))
  const [program, ...args] = [
    ...plain, ...ownNamespace, process.execPath, '--import', 'tsx', '--test', '--test-reporter=tap', ...all ? [] : ['--test-name-pattern=log: an alert'], tests,
  ]
  // A run of tests inside of a test would else report to it, and exit with 0.
  const env = { ...process.env, TMPDIR: base, HOME: base, MUSTER_CACHE: toolCache(), NODE_TEST_CONTEXT: undefined }
  const { status, stdout } = spawnSync(program!, args, { encoding: 'utf8', env, maxBuffer: 2 ** 24, timeout: 280_000 })
  assert.equal(status, 0, stdout)
  assert.match(stdout, /^ +ok \d+ - log: an alert comes before the end, .* is lost$/m)
  assert.match(stdout, /^# fail 0$/m)
  assert.match(stdout, all ? /^# pass \d\d$/m : /^# pass 1$/m)
  assert.deepEqual(livingOf(base), [])
  assert.deepEqual(readdirSync(base).filter(name => name.startsWith('muster-')), [])
})
