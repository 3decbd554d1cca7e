import type { Environment } from '../drill/environment.js'
import type { SmokeCheckInputs, SmokeCheckName } from '../drill/smoke-checks.js'
import type { SmokeAnswer } from '../drill/suite.js'
import type { Values } from '../journey/fill.js'
import type { Http } from '../journey/http.js'

/** What a check may use beside its input. */
export interface SmokeContext {
  environment: Environment
  /** The service under test, at the check's own pace. Asked for by checks that need it: without `api` it throws `input.invalid`. */
  service: () => Service
  /** Another address (Prometheus, say), at the same pace; closed when the check is over. */
  other: (url: string, token?: string) => Http
  /** What `{{ }}` stands for; captures come on top. */
  values: Values
  /** Never shown. */
  secrets: Set<string>
  /** The value behind `env:NAME` or `file:PATH`; from then on it is masked. Throws `secret.missing`. */
  secret: (ref: string) => Promise<string>
  /** Waits for the check's turn: requests that go other ways than `http` keep the pace by it. */
  pace: (signal?: AbortSignal) => Promise<void>
  /** Aborted at the check's deadline, or when the run is. */
  signal: AbortSignal
}

export interface Service { http: Http, url: string, ca?: string }

/** Answers pass, fail or blind. What it throws is blind too: it could not be asked. */
export type SmokeCheck<C extends SmokeCheckName> = (input: SmokeCheckInputs[C], context: SmokeContext) => Promise<SmokeAnswer>
export type SmokeChecks = { [C in SmokeCheckName]: SmokeCheck<C> }

/** Pass where nothing is wrong; all that is wrong in one line. */
export function answerOf (flaws: string[], good: string, expected: string, rest: Omit<SmokeAnswer, 'outcome' | 'observed' | 'expected'> = {}): SmokeAnswer {
  return { outcome: flaws.length === 0 ? 'pass' : 'fail', observed: flaws.length === 0 ? good : flaws.join('; '), expected, ...rest }
}

export function blind (observed: string, expected: string, rest: Omit<SmokeAnswer, 'outcome' | 'observed' | 'expected'> = {}): SmokeAnswer {
  return { outcome: 'blind', observed, expected, ...rest }
}
