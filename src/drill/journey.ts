import type { Duration } from './duration.js'

/**
 * One HTTP step as its YAML holds it: part of a smoke journey, or of a load task. `{{ name }}` in a path, header or body stands for a
 * value: a parameter, an account's field, the run's `nonce`, or what an earlier step captured.
 */
export interface HttpStep {
  /** The endpoint's name in every figure and message: never an address, which may hold an id or a secret. */
  name: string
  request: HttpRequest
  /** What the answer must be. Without a status: any below 400. */
  expect?: HttpExpectation
  /** Values for later steps, kept even where the step fails. */
  capture?: Record<string, Capture>
  /** Runs whatever failed before it, and is told apart: cleaning up. */
  always?: boolean
  /** Asked again this often until it is as expected, or `within` is over. */
  until?: { every: Duration, within: Duration }
}

export const httpMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
export type HttpMethod = typeof httpMethods[number]

export interface HttpRequest {
  /** Default GET. */
  method?: HttpMethod
  /** Below the service's address; a value that is filled in is encoded. */
  path: string
  headers?: Record<string, string>
  /** Sent as `Authorization: Bearer`. */
  token?: string
  /** Sent as JSON. */
  json?: unknown
  /** Sent as it is. */
  body?: string
  /** Follow up to five redirects. Default false. */
  follow?: boolean
  /** Longest wait for the whole answer. Default 10s. */
  timeout?: Duration
}

/** `$.token` (RFC 9535), `header:location`, or `cookie:session`. */
export type Capture = string

export interface HttpExpectation {
  status?: number | number[]
  headers?: Record<string, TextRule>
  /** Each path is RFC 9535. */
  json?: JsonRule[]
  /** JSON Schema of the body. */
  schema?: Record<string, unknown>
  body?: TextRule
  /** Longest time to the whole answer. */
  within?: Duration
  /** The certificate is good for at least this many days. */
  certificate?: { days: number }
}

/** Rules for a text; all that are there must hold. */
export interface TextRule {
  is?: string
  /** A regular expression. */
  matches?: string
  contains?: string
  /** Text that must not be there. */
  lacks?: string
  /** For a header: it must not be there at all. */
  absent?: boolean
}

/** Rules for what a JSONPath finds; all that are there must hold. Without any: it finds something. */
export interface JsonRule {
  path: string
  /** The first thing found is this value. */
  is?: unknown
  /** The first thing found, as text, matches. */
  matches?: string
  /** How many it finds at least. */
  atLeast?: number
  /** It finds nothing. */
  absent?: boolean
}

/** Why a request brought no answer, or none that counts. */
export const failureClasses = ['dns', 'connect', 'tls', 'timeout', 'reset', 'http4xx', 'http5xx', 'assertion', 'aborted'] as const
export type FailureClass = typeof failureClasses[number]
