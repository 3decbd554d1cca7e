import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'

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
