import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { blockDifferences, mtreeDifferences, mtreeEntries, rsyncDifferences, type Difference } from '../../src/drill/description.js'
import type { FileStore } from '../../src/drill/recovery.js'
import { DrillError, messageOf } from '../../src/errors.js'
import { lastWords, runOne, type Stage, type StageResult } from './pipeline.js'

/** What mtree notes of each file; the rest (ACLs, extended attributes) is what it is blind to. */
const keywords = 'type,mode,uid,gid,size,link,nlink,time,sha256,device'

type Reach = { signal: AbortSignal }
type Tools = Pick<FileStore, 'tools'>

/** Notes of one tree, as files of a folder: they are stored beside the content, so that a comparison needs no source. */
const notes = {
  mtree: { tool: 'mtree', args: ['-c', '-k', keywords, '-p', '.'] },
  acl: { tool: 'getfacl', args: ['-RPnp', '.'] },
  xattr: { tool: 'getfattr', args: ['-RPhd', '-m', '-', '-e', 'hex', '.'] },
} satisfies Record<string, Stage>

/** Describes each tree into `folder` (NUMBER.mtree, .acl, .xattr, and paths.json). Throws `backup.incomplete` where one cannot be read whole. */
export async function describeTrees ({ tools }: Tools, paths: string[], folder: string, reach: Reach): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const [index, path] of paths.entries()) {
    for (const [name, stage] of Object.entries(notes)) {
      const { stdout } = await said(tools, { ...stage, cwd: path }, path, reach)
      writeFileSync(join(folder, `${index}.${name}`), stdout, { mode: 0o600 })
    }
  }
  writeFileSync(join(folder, 'paths.json'), JSON.stringify(paths), { mode: 0o600 })
}

/** How a tree differs from the notes of it. Throws where the notes or the tree cannot be read: that is blind, not equal. */
export async function differFromNotes ({ tools }: Tools, folder: string, index: number, tree: string, reach: Reach): Promise<Difference[]> {
  const spec = join(folder, `${index}.mtree`)
  if (mtreeEntries(read(spec)) === 0) throw new DrillError('backup.damaged', `The notes ${spec} describe no file`)
  const mtree = await said(tools, { tool: 'mtree', args: ['-f', spec, '-p', tree] }, tree, reach)
  const differences = mtreeDifferences(mtree.stdout)
  for (const name of ['acl', 'xattr'] as const) {
    const before = read(join(folder, `${index}.${name}`))
    differences.push(...blockDifferences(before, (await said(tools, { ...notes[name], cwd: tree }, tree, reach)).stdout, name))
  }
  return differences
}

/** How a copy differs from its living source, by content too. */
export async function differFromSource ({ tools }: Tools, source: string, copy: string, reach: Reach): Promise<Difference[]> {
  const rsync = await said(tools, { tool: 'rsync', args: ['-naicXAHS', '--delete', '--out-format=%i|%n', `${source}/`, `${copy}/`] }, source, reach)
  return rsyncDifferences(rsync.stdout)
}

/** The paths that notes were taken of. */
export function describedPaths (folder: string): string[] {
  return JSON.parse(read(join(folder, 'paths.json'))) as string[]
}

/** A word on stderr is a file that could not be read, whatever the exit code; mtree's 2 alone says that it found differences. */
async function said (tools: FileStore['tools'], stage: Stage, path: string, reach: Reach): Promise<StageResult & { stdout: string }> {
  const result = await runOne(tools, stage, reach)
  const failed = result.exitCode !== 0 && !(stage.tool === 'mtree' && result.exitCode === 2)
  if (failed || result.truncated || result.stderr.trim() !== '') {
    throw new DrillError('backup.incomplete', `${stage.tool} could not read ${path} whole (exit code ${result.exitCode}): ${result.truncated ? 'too much to say' : lastWords(result.stderr)}`)
  }
  return result
}

function read (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new DrillError('backup.incomplete', `The notes of the files are not there: ${messageOf(cause)}`, { cause })
  }
}
