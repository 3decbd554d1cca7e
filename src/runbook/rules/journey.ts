import { Ajv } from 'ajv'
import { query } from 'jsonpath-rfc9535'
import { durationMs } from '../../drill/duration.js'
import type { HttpStep } from '../../drill/journey.js'

const ajv = new Ajv({ strict: false, validateFormats: false })

/** What a schema cannot say about HTTP steps: their paths, patterns and schemas are some, and names are told apart. `pointer`: of the list. */
export function checkJourney (steps: readonly HttpStep[], pointer: string, report: (pointer: string, message: string, hint?: string) => void): void {
  for (const [index, step] of steps.entries()) {
    const at = `${pointer}/${index}`
    const { expect, capture = {}, until, request } = step
    if (steps.findIndex(other => other.name === step.name) < index) report(`${at}/name`, `there are two steps named "${step.name}"`)
    if (request.json !== undefined && request.body !== undefined) report(`${at}/request/body`, 'a request has one body, "json" or "body"')
    if (until && durationMs(until.every) === 0) report(`${at}/until/every`, 'asks without a pause', 'at least 10ms')
    for (const [name, text] of Object.entries(capture)) if (text.startsWith('$')) path(`${at}/capture/${name}`, text)
    for (const [number, rule] of (expect?.json ?? []).entries()) {
      path(`${at}/expect/json/${number}/path`, rule.path)
      pattern(`${at}/expect/json/${number}/matches`, rule.matches)
    }
    for (const [name, rule] of Object.entries(expect?.headers ?? {})) pattern(`${at}/expect/headers/${name.replaceAll('~', '~0')}/matches`, rule.matches)
    pattern(`${at}/expect/body/matches`, expect?.body?.matches)
    if (expect?.schema) tried(`${at}/expect/schema`, 'no JSON Schema', () => { ajv.compile(expect.schema!) })
  }

  function path (at: string, text: string): void {
    tried(at, `${JSON.stringify(text)} is no JSONPath`, () => { query(null, text) })
  }

  function pattern (at: string, text: string | undefined): void {
    if (text !== undefined && !text.includes('{{')) tried(at, `${JSON.stringify(text)} is no regular expression`, () => { RegExp(text) })
  }

  function tried (at: string, message: string, attempt: () => void): void {
    try {
      attempt()
    } catch (error) {
      report(at, message, (error as Error).message.split('\n')[0])
    }
  }
}
