import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { Composer, isAlias, isCollection, isMap, isPair, isScalar, isSeq, Lexer, LineCounter, Parser, visit, type Document, type Node } from 'yaml'
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
  const tab = /^[ ]*\t/m.exec(text)
  const { document, wrong } = composed(text, lines)
  if (!document) {
    problems.push(problem(wrong?.offset ?? 0, '', wrong?.message ?? 'the file is empty'))
    return source
  }
  source.problemAt = (pointer, message, hint, { atKey = false, level } = {}) => problem(offsetOf(document, pointer, atKey), pointer, message, hint, level)
  if (tab) problems.push(problem(tab.index, '', 'a tab at the start of a line', 'indent with spaces'))
  else problems.push(...document.errors.map(error => problem(error.pos[0], '', yamlMessage(error.code, error.message))))
  if (document.directives.yaml.explicit) problems.push(problem(0, '', 'a YAML directive', 'remove the %YAML line'))
  visit(document, {
    Pair (_, pair) {
      if (isCollection(pair.key)) problems.push(problem(startOf(pair.key) ?? 0, '', 'a key that is no plain text'))
    },
    Alias (_, alias) {
      const target = alias.resolve(document)
      if (!target) problems.push(problem(alias.range?.[0] ?? 0, '', `*${alias.source} names nothing that stands before it`))
      const [from, , to] = target?.range ?? [0, 0, 0]
      if (alias.range && from <= alias.range[0] && alias.range[0] < to) problems.push(problem(alias.range[0], '', `*${alias.source} stands inside what it names`))
    },
    Value (_, node) {
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

/**
 * What yaml's parseDocument() does, but it stops where the nesting passes its limit: a document is composed only once its tokens
 * are complete, and composing recurses.
 */
function composed (text: string, lines: LineCounter): { document?: Document.Parsed, wrong?: { offset: number, message: string } } {
  const parser = new Parser(lines.addNewLine)
  const composer = new Composer({ uniqueKeys: true })
  lines.addNewLine(0)
  const documents: Document.Parsed[] = []
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token))
    // One level of YAML is at most two of the parser's (a map or list, and its item).
    if (parser.stack.length > 2 * limits.depth) return { wrong: { offset: parser.offset, message: `nested deeper than ${limits.depth}` } }
    if (documents.length > 1) break
  }
  for (const token of parser.end()) documents.push(...composer.next(token))
  documents.push(...composer.end(true, text.length))
  const [document, second] = documents
  if (second) return { wrong: { offset: second.range[0], message: 'more than one document in a file' } }
  return { document }
}

function yamlMessage (code: string, message: string): string {
  switch (code) {
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
