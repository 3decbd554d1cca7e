import Type, { type TSchema } from 'typebox'
import { durationPattern } from '../drill/duration.js'
import { httpMethods, type HttpExpectation, type HttpRequest, type HttpStep, type JsonRule, type TextRule } from '../drill/journey.js'
import { closed, flag, list, matching, oneOf, text, whole } from './pieces.js'

/** The YAML form of an HTTP step: smoke suites and load scenarios share it. */

const plainDuration = (description: string, byDefault?: string) => Type.String({
  pattern: durationPattern.source, description, errorMessage: 'a duration, for example 500ms, 30s, 5m, 4h', ...(byDefault ? { default: byDefault } : {}),
})
const headerNames = { pattern: '^[A-Za-z0-9!#$%&\'*+.^_`|~-]+$', errorMessage: 'a header’s name' }
const status = whole(100, 599, 'A status.')
const jsonPath = Type.String({ pattern: '^\\$', maxLength: 500, description: 'A JSONPath (RFC 9535).', errorMessage: 'a JSONPath, which starts with $' })

const request = matching<HttpRequest>()(closed({
  method: Type.Optional(oneOf(httpMethods, 'Its method.', 'GET')),
  path: Type.String({ pattern: '^(/|https?://|\\{\\{)', maxLength: 2000, description: 'Below the service’s address. A value that is filled in is encoded.', errorMessage: 'a path that starts with /' }),
  headers: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Headers.', propertyNames: headerNames })),
  token: Type.Optional(text('Sent as `Authorization: Bearer`.')),
  json: Type.Optional(Type.Unknown({ description: 'Sent as JSON.' })),
  body: Type.Optional(Type.String({ description: 'Sent as it is.' })),
  follow: Type.Optional(flag('Follow up to five redirects.')),
  timeout: Type.Optional(plainDuration('Longest wait for the whole answer.', '10s')),
}, 'What is asked.'))

const textRule = matching<TextRule>()(closed({
  is: Type.Optional(Type.String({ description: 'It is this text.' })),
  matches: Type.Optional(text('A regular expression that it matches.')),
  contains: Type.Optional(text('Text that it contains.')),
  lacks: Type.Optional(text('Text that it does not contain.')),
  absent: Type.Optional(flag('For a header: it is not there at all.')),
}, 'Rules for a text.'))

const jsonRule = matching<JsonRule>()(closed({
  path: jsonPath,
  is: Type.Optional(Type.Unknown({ description: 'The first thing found is this value.' })),
  matches: Type.Optional(text('A regular expression that the first thing found matches.')),
  atLeast: Type.Optional(whole(1, 1_000_000, 'How many it finds at least.')),
  absent: Type.Optional(flag('It finds nothing.')),
}, 'Rules for what a JSONPath finds. Without any: it finds something.'))

const expectation = matching<HttpExpectation>()(closed({
  status: Type.Optional(Type.Unsafe<number | number[]>({ anyOf: [status, { type: 'array', items: status, minItems: 1 }], description: 'The status, or a list of those that are good.', errorMessage: 'a status, or a list of them' } as TSchema)),
  headers: Type.Optional(Type.Record(Type.String(), textRule, { description: 'Headers, by name.', propertyNames: headerNames })),
  json: Type.Optional(list(jsonRule, 'What the body holds.')),
  schema: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'JSON Schema of the body.' })),
  body: Type.Optional(textRule),
  within: Type.Optional(plainDuration('Longest time to the whole answer.')),
  certificate: Type.Optional(closed({ days: whole(1, 3650, 'Days.') }, 'The certificate is good for at least so long.')),
}, 'What the answer must be. Without a status: any below 400.'))

export const HttpStepSchema = matching<HttpStep>()(closed({
  name: text('The endpoint’s name in every figure and message.'),
  request,
  expect: Type.Optional(expectation),
  capture: Type.Optional(Type.Record(Type.String(), Type.String({ pattern: '^(\\$|header:[A-Za-z0-9-]+$|cookie:[^\\s;=]+$)', description: 'Where it stands.', errorMessage: 'a JSONPath ($.token), header:NAME or cookie:NAME' }), {
    description: 'Values for later steps, by name: a JSONPath, `header:NAME` or `cookie:NAME`.', propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_]{0,62}$', errorMessage: 'a name of letters, digits and _' },
  })),
  always: Type.Optional(flag('Runs whatever failed before it, and is told apart: cleaning up.')),
  until: Type.Optional(closed({
    every: plainDuration('Asked again this often …'),
    within: plainDuration('… until it is as expected, or this is over.'),
  }, 'Asked again until it is as expected.')),
}, 'One HTTP step.'))
