import { fill } from '../../journey/fill.js'
import type { HttpAnswer } from '../../journey/http.js'
import { answerOf, blind, type SmokeCheck, type SmokeContext } from '../check.js'

const foreignOrigin = 'https://muster-smoke.invalid'

/** What databases say when a text of ours reached them as SQL (WSTG 4.7.5). */
const sqlTexts = [
  /syntax error at or near/i, /unterminated quoted string/i, /SQLSTATE\[?\w{5}/i, /pg_query\(|PG::\w+Error|org\.postgresql|psycopg2/i, /You have an error in your SQL syntax/i, /mysql_fetch|MySqlException|com\.mysql/i,
  /ORA-\d{5}/, /Unclosed quotation mark|SqlException|Microsoft OLE DB|ODBC SQL Server/i, /SQLite3?::|SQLITE_ERROR|near ".*": syntax error/i, /quoted string not properly terminated/i,
]

/** Read-only: no sleep, no stacked statement, no write. A single quote, a doubled one and a word that means nothing must be answered alike. */
export const injection: SmokeCheck<'injection'> = async ({ paths }, context) => {
  const expected = 'quotes answered like any text, never 500, no SQL text; a foreign origin is not let in'
  const flaws: string[] = []
  const unasked: string[] = []
  for (const path of paths) await askPath(path, flaws, unasked, context)
  await askOrigin(paths[0]!.split('?')[0]!, flaws, unasked, context)
  if (flaws.length === 0 && unasked.length > 0) return blind(unasked.join('; '), expected)
  return answerOf(flaws, `${paths.length} parameter${paths.length === 1 ? '' : 's'} and a foreign origin: nothing gets through`, expected)
}

async function askPath (path: string, flaws: string[], unasked: string[], context: SmokeContext): Promise<void> {
  const name = path.replace(/\{\{.*?\}\}/, '…')
  const word = `zq${String(context.values.nonce).replaceAll(/\W/g, '').slice(-8)}`
  const shapes: Record<string, string> = {}
  for (const [what, payload] of [['a plain word', word], ['a quote', `${word}'`], ['a doubled quote', `${word}''`], ['a double quote', `${word}"`]] as const) {
    const filled = String(fill(path, { payload }, encodeURIComponent).value)
    const answer = await context.service().http.send({ path: filled.includes('{{') ? path : filled }, context.signal)
    if ('failure' in answer) {
      unasked.push(`${name}: ${answer.message}`)
      return
    }
    if (answer.status >= 500) flaws.push(`${what} in ${name} ends in status ${answer.status}`)
    const leaked = sqlTexts.map(text => text.exec(answer.text)?.[0]).find(Boolean)
    if (leaked !== undefined) flaws.push(`${what} in ${name} brings out SQL text: ${JSON.stringify(leaked)}`)
    shapes[what] = shapeOf(answer, payload)
  }
  // Where the quote reaches SQL, the doubled one mends the statement: then the two differ, or one differs from the word.
  if (shapes['a quote'] !== shapes['a doubled quote']) flaws.push(`a quote and a doubled quote in ${name} are answered differently: the parameter reaches SQL`)
  else if (shapes['a quote'] !== shapes['a plain word']) flaws.push(`a quote in ${name} is answered unlike a plain word`)
}

/** Status and shape: types and lengths, without texts, which may hold ids and times. */
function shapeOf (answer: HttpAnswer, payload: string): string {
  const text = answer.text.replaceAll(payload, '').replaceAll(encodeURIComponent(payload), '')
  try {
    return `${answer.status} ${JSON.stringify(JSON.parse(text), (_, value: unknown) => typeof value === 'string' ? 'text' : typeof value === 'number' ? 0 : value)}`
  } catch {
    return `${answer.status} ${/^\s*</.test(text) ? 'a page' : 'a text'}`
  }
}

async function askOrigin (path: string, flaws: string[], unasked: string[], context: SmokeContext): Promise<void> {
  for (const method of ['GET', 'OPTIONS'] as const) {
    const answer = await context.service().http.send({ method, path, headers: { origin: foreignOrigin, ...(method === 'OPTIONS' ? { 'access-control-request-method': 'POST' } : {}) } }, context.signal)
    if ('failure' in answer) {
      unasked.push(`${path} for a foreign origin: ${answer.message}`)
      return
    }
    const allowed = answer.headers['access-control-allow-origin']
    const credentials = answer.headers['access-control-allow-credentials'] === 'true'
    if (allowed === foreignOrigin) flaws.push(`${method} ${path} lets any origin in${credentials ? ', with credentials' : ''}`)
    else if (allowed === '*') flaws.push(`${method} ${path} lets every origin in (*)${credentials ? ', with credentials' : ''}`)
  }
}
