// npm test: the checks that need no start of anything, then the tests. All stages run, even if one fails.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command } from './setup/command.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
// These start servers, and wait more than they compute.
const needsServers = /\.(lab|temporal)\.test\.ts$/
// These hold what they measured against figures, or ask which alert came first: one file at a time, else they measure each other.
const measures = /^(failover|faults|full-restore|load|observe|smoke)\./
const counted = ['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo', 'duration_ms']

async function stage (name, args) {
  const begin = performance.now()
  const { code, all } = await command(process.execPath, args, { cwd: root })
  console.log(`test   ${name}  ${code === 0 ? 'ok' : 'FAILED'}  ${seconds(begin)}`)
  if (code !== 0) console.log(all.trimEnd())
  return code === 0
}

async function tests (name, files, concurrency, counts) {
  const begin = performance.now()
  const scratch = mkdtempSync(join(tmpdir(), 'muster-test-'))
  const record = join(scratch, 'tap')
  const args = [
    '--import', 'tsx', '--test', '--test-timeout=300000', `--test-concurrency=${concurrency}`,
    '--test-reporter=spec', '--test-reporter-destination=stdout', '--test-reporter=tap', `--test-reporter-destination=${record}`,
    ...files.map(file => join('test', file)),
  ]
  try {
    const code = await new Promise(resolve => {
      const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
      const end = () => child.kill('SIGTERM')
      process.once('exit', end)
      child.on('error', () => resolve(1))
      child.on('close', code => { process.off('exit', end); resolve(code ?? 1) })
    })
    console.log(`test   ${name}  ${code === 0 ? 'ok' : 'FAILED'}  ${seconds(begin)}`)
    const closing = existsSync(record) ? readFileSync(record, 'utf8').slice(-1000) : ''
    for (const what of counted) counts[what] += Number(new RegExp(`^# ${what} ([\\d.]+)$`, 'm').exec(closing)?.[1] ?? 0)
    return code === 0
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function seconds (begin) {
  return `${((performance.now() - begin) / 1000).toFixed(1)} s`
}

async function main (names) {
  const all = readdirSync(join(root, 'test')).filter(file => file.endsWith('.test.ts')).sort()
  const files = names.length === 0 ? all : all.filter(file => names.some(name => file.includes(name)))
  if (files.length === 0) {
    console.error(`test: no file in test/ has ${names.join(' or ') || '.test.ts'} in its name; there are ${all.join(', ') || 'none'}`)
    return 1
  }
  const ok = []
  // With a name somebody works on that test: the rest would only be in the way.
  if (names.length === 0) {
    ok.push(...await Promise.all([
      stage('eslint', ['node_modules/eslint/bin/eslint.js', '.']),
      stage('types', ['node_modules/typescript/bin/tsc', '--noEmit']),
      stage('knip', ['node_modules/knip/bin/knip.js', '--no-progress']),
    ]))
  }
  const counts = Object.fromEntries(counted.map(what => [what, 0]))
  const served = files.filter(file => needsServers.test(file))
  for (const [name, some, concurrency] of [
    ['tests', files.filter(file => !needsServers.test(file)), 2],
    ['tests with servers', served.filter(file => !measures.test(file)), 2],
    ['tests that measure', served.filter(file => measures.test(file)), 1],
  ]) if (some.length > 0) ok.push(await tests(name, some, concurrency, counts))
  // The sum of all runs, in the words of node's own closing lines, so that whoever reads those reads this.
  for (const what of counted) console.log(`# ${what} ${counts[what]}`)
  return ok.every(Boolean) ? 0 : 1
}

for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]) process.once(signal, () => process.exit(code))
process.exitCode = await main(process.argv.slice(2))
