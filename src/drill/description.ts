import type { FileException } from './recovery.js'

/**
 * Comparisons of file trees, as the tools word them, read into differences. Nothing here trusts an exit code: mtree ends with 0 where a
 * file is missing, rsync always does.
 */

/** `path` is relative to the tree's root, without a leading `./`; `.` is the root itself. */
export interface Difference { path: string, what: string, witness: Witness }
export type Witness = 'mtree' | 'acl' | 'xattr' | 'rsync'

/** Of `mtree -f SPEC -p DIR`. */
export function mtreeDifferences (stdout: string): Difference[] {
  const found: Difference[] = []
  for (const line of stdout.split('\n').map(line => line.trimEnd())) {
    const absent = /^(missing|extra): (.+)$/.exec(line)
    const changed = /^(\S.*?):(?:\s+(.+))?$/.exec(line)
    if (absent) found.push({ path: relative(absent[2]!), what: absent[1]!, witness: 'mtree' })
    else if (changed) found.push({ path: relative(changed[1]!), what: changed[2] ?? '', witness: 'mtree' })
    // What changed may stand indented on lines of its own.
    else if (line.trim() !== '' && found.length > 0) found.at(-1)!.what += `${found.at(-1)!.what === '' ? '' : ', '}${line.trim()}`
    else if (line.trim() !== '') found.push({ path: '.', what: line.trim(), witness: 'mtree' })
  }
  return found
}

/** Files of an mtree specification: without any, it describes nothing and proves nothing. */
export function mtreeEntries (spec: string): number {
  return spec.split('\n').filter(line => line.trim() !== '' && !/^\s*(#|\/set|\/unset|\.\.$)/.test(line) && !/^\s+\S+=/.test(line)).length
}

/** Of two runs of `getfacl -R` or `getfattr -R`, whose files come in any order. */
export function blockDifferences (before: string, after: string, witness: 'acl' | 'xattr'): Difference[] {
  const [was, is] = [blocksOf(before), blocksOf(after)]
  const found: Difference[] = []
  for (const path of [...new Set([...was.keys(), ...is.keys()])].sort()) {
    const [one, other] = [was.get(path) ?? [], is.get(path) ?? []]
    const lost = one.filter(line => !other.includes(line))
    const added = other.filter(line => !one.includes(line))
    if (lost.length + added.length > 0) found.push({ path, what: [...lost.map(line => `without ${line}`), ...added.map(line => `with ${line}`)].join(', ').slice(0, 300), witness })
  }
  return found
}

/** Of `rsync -naicXAHS --delete --out-format=%i|%n SOURCE/ COPY/`: every line is a difference. */
export function rsyncDifferences (stdout: string): Difference[] {
  return stdout.split('\n').filter(line => line.trim() !== '').map(line => {
    const bar = line.indexOf('|')
    const [code, path] = bar < 0 ? ['', line] : [line.slice(0, bar), line.slice(bar + 1)]
    const what = code.startsWith('*deleting') ? 'extra' : code.includes('+++') ? 'missing' : `differs (${code.trim()})`
    return { path: relative(path.replace(/\/$/, '')), what, witness: 'rsync' as const }
  })
}

/** Those that are declared, with their reasons, and those that are not. `root`: the tree's absolute path at its source. */
export function undeclared (differences: Difference[], root: string, exceptions: FileException[]): { undeclared: Difference[], declared: string[] } {
  const rest: Difference[] = []
  const declared = new Set<string>()
  for (const difference of differences) {
    const path = difference.path === '.' ? root : `${root}/${difference.path}`
    const exception = exceptions.find(one => one.path.endsWith('/') ? path.startsWith(one.path) : path === one.path)
    if (exception) declared.add(`${path}: ${exception.reason}`)
    else rest.push(difference)
  }
  return { undeclared: rest, declared: [...declared] }
}

/** The first few, in words, and how many there are. */
export function differencesText (differences: Difference[], shown = 5): string {
  const words = differences.slice(0, shown).map(({ path, what, witness }) => `${path}: ${what} (${witness})`)
  return `${words.join('; ')}${differences.length > shown ? `; and ${differences.length - shown} more` : ''}`
}

function blocksOf (text: string): Map<string, string[]> {
  const blocks = new Map<string, string[]>()
  let lines: string[] | undefined
  for (const line of text.split('\n')) {
    const file = /^# file: (.*)$/.exec(line)
    if (file) {
      lines = []
      blocks.set(relative(file[1]!), lines)
    } else if (line.trim() !== '') {
      lines?.push(line.trim())
    }
  }
  return blocks
}

function relative (path: string): string {
  return path.replace(/^\.\//, '')
}
