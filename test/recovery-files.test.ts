import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { filesBackup } from '../activities/restore/files-backup.js'
import { filesEqual, filesFresh, filesSound } from '../activities/restore/files-checks.js'
import { filesRestore } from '../activities/restore/files-restore.js'
import { makeScratch } from '../activities/restore/scratch.js'
import { allProcs, commandLineOf } from '../src/control/proc.js'
import { until } from '../src/control/until.js'
import type { CheckResult } from '../src/drill/checks.js'
import { checkProblemOf, freshness } from '../src/drill/restic.js'
import { findTools } from '../src/tools.js'
import { stepContext } from './fixtures/database-lab.js'
import { filesWorld, isRoot, makeHard, tool, type FilesWorld } from './fixtures/recovery.js'

let world: FilesWorld
let assets: string

beforeEach(() => {
  world = filesWorld()
  assets = world.files.paths[0]!
})
afterEach(() => { world.remove() })

const step = (stepId: string, change: Parameters<typeof stepContext>[0] = {}) => stepContext({ drillId: 'drill', stepId, secret: world.secret, ...change })
const backUp = async (stepId = 'backup') => await filesBackup.do({ files: world.files }, step(stepId))
const restore = async (stepId = 'restore') => (await filesRestore.do({ files: world.files }, step(stepId))).output as { folder: string, files: number, snapshot: string }
const equal = async (folder: string, source = true) => await filesEqual({ files: world.files, folder, source }, step('equal'))
const coded = (code: string, words: RegExp) => (error: { code?: string, message: string }): boolean => {
  assert.equal(error.code, code, error.message)
  assert.match(error.message, words)
  return true
}
const is = (result: CheckResult, outcome: CheckResult['outcome'], words: RegExp): void => {
  assert.equal(result.outcome, outcome, result.observed)
  assert.match(result.observed, words)
}
/** restic as a person would call it. */
const bare = (...args: string[]) => spawnSync(world.files.tools.restic!.path, ['--repo', world.files.repository, '--no-cache', ...args], {
  encoding: 'utf8', env: { ...process.env, RESTIC_PASSWORD: 'correct horse battery staple' },
})

describe('files come back as they were', () => {
  it('with modes, owners, ACLs, attributes, links, holes and odd names, in all three ways', async () => {
    await makeHard(assets)
    world.files.exceptions = [{ path: join(assets, 'socket'), reason: 'restic stores no sockets' }]
    const { output, summary } = await backUp()
    assert.match(summary, /files, .* MB, /)
    const { folder, files } = await restore()
    assert.ok(files >= 6, `only ${files} files were verified`)
    const result = await equal(folder)
    is(result, 'pass', /1 folders are equal in all three ways; declared: .*socket: restic stores no sockets$/)
    assert.equal(output.snapshot, (await restore('again')).snapshot.slice(0, 8))
    is(await equal(folder, false), 'pass', /equal in both ways \(no source to compare with\)/)
  })

  it('and what is not declared is a difference: a socket is never stored', async () => {
    await makeHard(assets)
    await backUp()
    is(await equal((await restore()).folder), 'fail', /socket: missing \(mtree\)/)
  })
})

describe('each thing that a copy may lose turns the comparison red', () => {
  const { setfacl, setfattr } = findTools('setfacl', 'setfattr')
  const losses: Array<[string, (copy: string) => void, RegExp]> = [
    ['a mode', copy => { chmodSync(join(copy, 'program'), 0o755) }, /program: permissions \(06755, 0755\) \(mtree\)/],
    ['a missing file, for which mtree ends with 0', copy => {
      const { atime, mtime } = statSync(copy)
      rmSync(join(copy, 'dangling'))
      utimesSync(copy, atime, mtime)
    }, /dangling: missing \(mtree\)/],
    ['a file too many', copy => { writeFileSync(join(copy, 'pictures', 'new'), '') }, /pictures\/new: extra \(mtree\)/],
    ['one byte, with size and time as they were', copy => {
      const path = join(copy, 'pictures', 'one.svg')
      const { atime, mtime } = statSync(path)
      writeFileSync(path, '<sVg/>\n')
      utimesSync(path, atime, mtime)
    }, /pictures\/one\.svg: .*sha256/],
    ['a link’s target', copy => { rmSync(join(copy, 'link')); symlinkSync('program', join(copy, 'link')) }, /link: .*link ref/],
    ['a hard link', copy => { rmSync(join(copy, 'second name')); writeFileSync(join(copy, 'second name'), 'one file, two names') }, /first name: link count/],
    ['an ACL, which mtree does not see', copy => { tool(setfacl.path, '-x', 'u:1000', join(copy, 'index.html')) }, /index\.html: without user:1000:r-- \(acl\)/],
    ['a default ACL', copy => { tool(setfacl.path, '-k', join(copy, 'upload')) }, /upload: without default:user.* \(acl\)/],
    ['an extended attribute', copy => { tool(setfattr.path, '-x', 'user.origin', join(copy, 'index.html')) }, /index\.html: without user\.origin=0x7363616e \(xattr\)/],
    ['a folder', copy => { rmSync(copy, { recursive: true }) }, /the whole folder is missing/],
    ...(isRoot ? [['an owner', copy => { chownSync(join(copy, 'pictures'), 0, 0) }, /pictures: user \(1234, 0\)/] as [string, (copy: string) => void, RegExp]] : []),
  ]

  it(losses.map(([what]) => what).join('; '), async () => {
    await makeHard(assets)
    world.files.exceptions = [{ path: join(assets, 'socket'), reason: 'restic stores no sockets' }]
    await backUp()
    const whole = (await restore()).folder
    is(await equal(whole), 'pass', /equal/)
    const folder = join(world.folder, 'copy')
    for (const [what, lose, words] of losses) {
      rmSync(folder, { recursive: true, force: true })
      tool('cp', '-a', whole, folder)
      lose(join(folder, assets))
      // Not only against the living source, which a real disaster takes: against the notes alone as well.
      for (const source of [true, false]) {
        const result = await equal(folder, source)
        assert.equal(result.outcome, 'fail', `${what} (source ${source}): ${result.observed}`)
        assert.match(result.observed, words)
      }
    }
  })

  it('a source that has changed since is seen by rsync alone', async () => {
    await backUp()
    const { folder } = await restore()
    const path = join(assets, 'pictures', 'one.svg')
    const { atime, mtime } = statSync(path)
    writeFileSync(path, '<sVg/>\n')
    utimesSync(path, atime, mtime)
    is(await equal(folder), 'fail', /^1 differences: pictures\/one\.svg: differs \(>fc\S*\) \(rsync\)$/)
    is(await equal(folder, false), 'pass', /equal in both ways/)
  })

  it('a comparison with nothing to compare is blind', async () => {
    await backUp()
    const { folder } = await restore()
    is(await equal(join(world.folder, 'nowhere')), 'blind', /nowhere/)
    const notes = join(folder, world.files.scratchDir)
    const inner = join(notes, readdirSync(notes)[0]!, 'muster-notes')
    writeFileSync(join(inner, '0.mtree'), '#\n')
    is(await equal(folder), 'blind', /describe no file/)
    rmSync(notes, { recursive: true })
    is(await equal(folder), 'blind', /holds no muster-notes: nothing describes/)
    world.files.tools = { restic: world.files.tools.restic! }
    is(await equal((await restore()).folder), 'blind', /"mtree" is not among the tools/)
  })
})

describe('where restic’s exit code lies', () => {
  it('an absent source path ends with 0: the action refuses it, and the check finds what is missing', async () => {
    await backUp()
    const absent = join(world.folder, 'uploads')
    world.files.paths.push(absent)
    await assert.rejects(backUp('second'), coded('backup.incomplete', /uploads is to be backed up, but there is no such folder/))
    const { status, stderr } = bare('backup', '--tag', 'muster-files', ...world.files.paths)
    assert.equal(status, 0, 'restic says that all is well')
    assert.match(stderr, /skipping/)
    is(await filesFresh({ files: world.files }, step('fresh')), 'fail', /it lacks .*uploads/)
  })

  it('a damaged pack passes `restic check`: reading the data finds it, and so does a restore', async () => {
    writeFileSync(join(assets, 'large'), randomBytes(500_000))
    await backUp()
    is(await filesSound({ files: world.files }, step('sound')), 'pass', /all packs read/)
    flipByteOfLargestPack()
    assert.equal(bare('check').status, 0, 'restic says that all is well')
    is(await filesSound({ files: world.files }, step('sound')), 'fail', /does not match|hash|error/i)
    await assert.rejects(restore(), coded('backup.damaged', /could not give back all of backup|cannot say how large/))
    await filesRestore.undo({ files: world.files }, step('restore'))
    assert.equal((await filesRestore.verify({ files: world.files }, step('restore'))).undone, true)
  })

  it('an unreadable or changing file is no backup', async () => {
    const { restic } = world.files.tools
    const script = join(world.folder, 'restic')
    writeFileSync(script, `#!/bin/sh\n'${restic!.path}' "$@"\ncode=$?\ncase "$*" in *" backup "*) echo more >> '${assets}/index.html';; esac\nexit $code\n`, { mode: 0o755 })
    world.files.tools = { ...world.files.tools, restic: { path: script } }
    await assert.rejects(backUp(), coded('backup.moving', /changed while they were backed up.*index\.html: .*size/))
    assert.deepEqual(readdirSync(world.files.scratchDir), [], 'notes are left behind')
  })
})

describe('what a check of the backups says', () => {
  it('stale, none, no repository, wrong password: none of them is a pass', async () => {
    is(await filesFresh({ files: world.files }, step('fresh')), 'blind', /There is no restic repository at/)
    is(await filesSound({ files: world.files }, step('sound')), 'blind', /There is no restic repository at/)
    await assert.rejects(restore(), coded('backup.missing', /There is no restic repository/))
    bare('init')
    is(await filesFresh({ files: world.files }, step('fresh')), 'fail', /there is no backup/)
    await assert.rejects(restore(), coded('backup.missing', /has no backup at all of muster-files; there are: none/))
    await backUp()
    is(await filesFresh({ files: world.files }, step('fresh')), 'pass', /is \d+ s old and holds 2 paths/)
    is(await filesFresh({ files: { ...world.files, maxAge: '0ms' } }, step('fresh')), 'fail', /older than 0 s/)
    await assert.rejects(filesRestore.do({ files: world.files, snapshot: 'beef' }, step('r')), coded('backup.missing', /has no backup beef .*there are: [0-9a-f]{8} of 20/))
    const wrong = step('fresh', { secret: async () => 'wrong' })
    is(await filesFresh({ files: world.files }, wrong), 'blind', /password env:RESTIC does not open/)
    await assert.rejects(filesRestore.do({ files: world.files }, step('r', { secret: async () => 'wrong' })), coded('backup.key', /env:RESTIC/))
  })

  it('a backup from the future is a wrong clock, and words that are not understood are a problem', () => {
    const snapshot = { id: 'abcdef0123', atMs: 500_000, paths: ['/a'], tags: [] }
    const policy = { paths: ['/a'], maxAgeMs: 1_000, nowMs: 0 }
    assert.match(freshness([snapshot], policy).observed, /from the future/)
    assert.equal(freshness([snapshot], { ...policy, nowMs: 500_900 }).ok, true)
    assert.equal(checkProblemOf({ stdout: 'no errors were found\n', stderr: '', exitCode: 0 }), 'it did not read the data')
    assert.match(checkProblemOf({ stdout: 'read all data\n', stderr: '', exitCode: 1 })!, /exit code 1, and no word/)
  })
})

describe('twice, killed, undone twice', () => {
  it('a step that runs twice makes one backup, restores once more, and its undo can run twice', async () => {
    const first = await backUp()
    const second = await backUp()
    assert.match(second.summary, /made by an earlier try/)
    assert.equal(String(second.output.snapshot).slice(0, 8), first.output.snapshot)
    const { folder } = await restore()
    assert.equal((await filesRestore.verify({ files: world.files }, step('restore'))).undone, false)
    writeFileSync(join(folder, 'left by an earlier try'), '')
    assert.equal((await restore()).folder, folder)
    assert.equal(existsSync(join(folder, 'left by an earlier try')), false)
    assert.equal(await filesRestore.undo({ files: world.files }, step('restore')), 'removed the restored files')
    assert.match(await filesRestore.undo({ files: world.files }, step('restore')), /gone already/)
    assert.equal((await filesRestore.verify({ files: world.files }, step('restore'))).undone, true)
    for (const which of ['verify', 'undo'] as const) await filesBackup[which]({ files: world.files }, step('backup'))
    assert.equal((await filesBackup.verify({ files: world.files }, step('backup'))).undone, true)
    assert.deepEqual(readdirSync(world.files.scratchDir), [])
  })

  it('a worker that is killed in the middle of a restore leaves a program behind: the next try ends it, and heals', async () => {
    writeFileSync(join(assets, 'large'), randomBytes(6_000_000))
    await backUp()
    const slow = join(world.folder, 'slow', 'restic')
    mkdirSync(join(world.folder, 'slow'))
    writeFileSync(slow, `#!/bin/sh\ncase "$*" in *" restore "*) exec '${world.files.tools.restic!.path}' --limit-download 400 "$@";; esac\nexec '${world.files.tools.restic!.path}' "$@"\n`, { mode: 0o755 })
    const script = `
      import { filesRestore } from ${JSON.stringify(fileURLToPath(new URL('../activities/restore/files-restore.ts', import.meta.url)))}
      const files = ${JSON.stringify({ ...world.files, tools: { ...world.files.tools, restic: { path: slow } } })}
      await filesRestore.do({ files }, { drillId: 'drill', stepId: 'restore', signal: new AbortController().signal, heartbeat: () => {}, secret: async () => 'correct horse battery staple' })`
    const worker = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'inherit', 'inherit'] })
    const folder = join(world.files.scratchDir, 'muster-drill-restore')
    const strays = () => allProcs().filter(proc => proc.name === 'restic' && commandLineOf(proc.pid).includes(folder))
    const half = await until(() => strays().length > 0 && existsSync(join(folder, assets, 'large')) ? true : undefined, { everyMs: 20, deadlineMs: 30_000 })
    assert.equal(half, true, 'the restore never began')
    worker.kill('SIGKILL')
    await new Promise(resolve => { worker.once('close', resolve) })
    assert.equal(strays().length, 1, 'restic died with its worker: nothing was to be healed')
    assert.notEqual((await equal(folder)).outcome, 'pass')
    await restore()
    assert.equal(strays().length, 0)
    is(await equal(folder), 'pass', /all three ways/)
  })

  it('an abort ends restic and is told as it is', async () => {
    writeFileSync(join(assets, 'large'), randomBytes(3_000_000))
    await backUp()
    const slow = join(world.folder, 'restic')
    writeFileSync(slow, `#!/bin/sh\ncase "$*" in *" restore "*) exec '${world.files.tools.restic!.path}' --limit-download 100 "$@";; esac\nexec '${world.files.tools.restic!.path}' "$@"\n`, { mode: 0o755 })
    const files = { ...world.files, tools: { ...world.files.tools, restic: { path: slow } } }
    const folder = join(files.scratchDir, 'muster-drill-restore')
    const abort = new AbortController()
    const running = filesRestore.do({ files }, step('restore', { signal: abort.signal }))
    await until(() => existsSync(join(folder, assets)) || undefined, { everyMs: 10, deadlineMs: 30_000 })
    abort.abort(new Error('the drill was aborted'))
    await assert.rejects(running, /the drill was aborted/)
    assert.equal(allProcs().filter(proc => commandLineOf(proc.pid).includes(folder)).length, 0)
    await filesRestore.undo({ files }, step('restore'))
    assert.deepEqual(readdirSync(files.scratchDir), [])
  })

  it('a folder of somebody else is never touched, and too little room is told before anything is written', async () => {
    await backUp()
    const folder = join(world.files.scratchDir, 'muster-drill-restore')
    mkdirSync(folder)
    writeFileSync(join(folder, 'thesis.txt'), 'only copy')
    await assert.rejects(restore(), coded('scratch.notOurs', /was not made by this step: it is not touched/))
    await assert.rejects(filesRestore.undo({ files: world.files }, step('restore')), coded('scratch.notOurs', /./))
    assert.equal(readFileSync(join(folder, 'thesis.txt'), 'utf8'), 'only copy')
    assert.throws(() => makeScratch(world.files.scratchDir, step('huge'), 1e18), coded('scratch.full', /has .* MB free, and 1000000000000 MB are needed/))
    assert.equal(existsSync(join(world.files.scratchDir, 'muster-drill-huge')), false)
  })

  it('a repository or scratch folder inside of what is backed up is refused, and nothing is made', async () => {
    const files = { ...world.files, repository: join(assets, 'repository') }
    await assert.rejects(filesBackup.do({ files }, step('backup')), coded('input.invalid', /a backup would hold itself/))
    assert.equal(existsSync(files.repository), false)
  })
})

function flipByteOfLargestPack (): void {
  const data = join(world.files.repository, 'data')
  const packs = readdirSync(data).flatMap(folder => readdirSync(join(data, folder)).map(name => join(data, folder, name)))
  const pack = packs.sort((a, b) => statSync(b).size - statSync(a).size)[0]!
  const bytes = readFileSync(pack)
  bytes[10]! ^= 0xff
  chmodSync(pack, 0o600)
  writeFileSync(pack, bytes)
}
