import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { isAlias, isCollection, isMap, isPair, isScalar, isSeq, Lexer, LineCounter, parseDocument, Parser, visit, type Document, type Node } from 'yaml'
import { DrillError, messageOf } from '../errors.js'
import type { Problem } from './problem.js'

/** What one file may be. The numbers are far above any real runbook, and keep a hostile one from costing memory or time. */
export const limits = { bytes: 256 * 1024, depth: 40, aliases: 50 }

const fileNamePattern = /^[a-z0-9][a-z0-9-]{0,62}\.yaml$/

/** A YAML file: its value, and where each part of it stands. */
export interface Source {
  file: string
  /** File name without `.yaml`. */
  name: string
  /** SHA-256 of the bytes, hex. */
  hash: string
  /** Undefined where the text is no YAML that we take. */
  value: unknown
  problems: Problem[]
  /** The problem at a JSON pointer; where nothing stands there, at the nearest part that holds it. */
  problemAt: (pointer: string, message: string, hint?: string, options?: { atKey?: boolean, level?: Problem['level'] }) => Problem
}

/**
 * Reads a YAML file. What is wrong with its text is in `problems`; throws `input.invalid` for a name or a thing that is no such
 * file, and `input.tooLarge`.
 */
export async function readSource (file: string): Promise<Source> {
  if (!fileNamePattern.test(basename(file))) {
    throw new DrillError('input.invalid', `${file}: a file is named with small letters, digits and dashes, at most 63, and ends in .yaml`)
  }
  return parseSource(file, await readBytes(file))
}

async function readBytes (file: string): Promise<Buffer> {
  const handle = await open(file).catch((error: unknown) => { throw new DrillError('input.invalid', `${file} cannot be read: ${messageOf(error)}`, { cause: error }) })
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) throw new DrillError('input.invalid', `${file} is no file`)
    if (stat.size > limits.bytes) throw tooLarge(file, stat.size)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

function tooLarge (file: string, size: number): DrillError {
  return new DrillError('input.tooLarge', `${file} has ${size} bytes; the limit is ${limits.bytes}`, { details: { size, limit: limits.bytes } })
}

/** The same for bytes that are there already. */
export function parseSource (file: string, bytes: Buffer): Source {
  if (bytes.length > limits.bytes) throw tooLarge(file, bytes.length)
  const text = bytes.toString('utf8')
  const lines = new LineCounter()
  const problems: Problem[] = []
  const problem = (offset: number, pointer: string, message: string, hint?: string, level: Problem['level'] = 'error'): Problem => {
    const { line, col } = lines.linePos(offset)
    return { level, file, line: Math.max(1, line), column: Math.max(1, col), pointer, message, ...(hint === undefined ? {} : { hint }) }
  }
  const source: Source = { file, name: basename(file, '.yaml'), hash: createHash('sha256').update(bytes).digest('hex'), value: undefined, problems, problemAt: () => problem(0, '', '') }
  const tooDeep = firstTooDeep(text, lines)
  if (tooDeep !== undefined) {
    problems.push(problem(tooDeep, '', `nested deeper than ${limits.depth}`))
    return source
  }
  const tab = /^[ ]*\t/m.exec(text)
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  source.problemAt = (pointer, message, hint, { atKey = false, level } = {}) => problem(offsetOf(document, pointer, atKey), pointer, message, hint, level)
  if (tab) problems.push(problem(tab.index, '', 'a tab at the start of a line', 'indent with spaces'))
  else problems.push(...document.errors.map(error => problem(error.pos[0], '', yamlMessage(error.code, error.message))))
  visit(document, {
    Node (_, node) {
      if (node.tag !== undefined && node.range) problems.push(problem(node.range[0], '', `a tag, ${node.tag}`, 'tags are not taken: write the plain value'))
    },
  })
  if (problems.length > 0) return source
  try {
    source.value = document.toJS({ maxAliasCount: limits.aliases })
  } catch (error) {
    problems.push(problem(0, '', `too many aliases: ${messageOf(error)}`, `at most ${limits.aliases}, and none inside another`))
  }
  return source
}

/** Where the nesting passes its limit. Asked before the document is composed, which recurses. */
function firstTooDeep (text: string, lines: LineCounter): number | undefined {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme)) { /* only its depth is asked */ }
    // One level of YAML is at most two of the parser's (a map or list, and its item).
    if (parser.stack.length > 2 * limits.depth) return parser.offset
  }
  lines.lineStarts = []
  return undefined
}

function yamlMessage (code: string, message: string): string {
  switch (code) {
    case 'MULTIPLE_DOCS': return 'more than one document in a file'
    case 'DUPLICATE_KEY': return 'the same key twice'
    default: return message.split('\n')[0]!
  }
}

function offsetOf (document: Document, pointer: string, atKey: boolean): number {
  let node: Node | null | undefined = document.contents
  let offset = startOf(node) ?? 0
  const keys = pointer.split('/').slice(1).map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  for (const [index, key] of keys.entries()) {
    if (isAlias(node)) node = node.resolve(document)
    if (!isCollection(node)) break
    const last = index === keys.length - 1
    let found: Node | null | undefined
    if (isSeq(node)) found = node.items[Number(key)] as Node | undefined
    else if (isMap(node)) {
      const pair = node.items.find(item => isPair(item) && isScalar(item.key) && String(item.key.value) === key)
      const keyOffset = startOf(pair?.key as Node | undefined)
      found = pair?.value as Node | null | undefined
      // An empty value stands nowhere: its key does.
      if (pair && keyOffset !== undefined && ((last && atKey) || startOf(found) === undefined)) offset = keyOffset
      if (pair && last && atKey) return offset
    }
    const start = startOf(found)
    if (start === undefined) break
    offset = start
    node = found
  }
  return offset
}

function startOf (node: Node | null | undefined): number | undefined {
  return node?.range?.[0]
}
