import Type, { type TSchema } from 'typebox'
import { smokeCheckAbout, type LatencyPage, type MetricLimit, type SmokeCheckInputs, type SmokeCheckName } from '../drill/smoke-checks.js'
import { smokeCategories, type Suite, type SuiteCheck, type Threshold } from '../drill/suite.js'
import { HttpStepSchema } from './journey-schema.js'
import { closed, duration, flag, list, matching, name, oneOf, orLookup, table, text, whole } from './pieces.js'

/** A smoke suite. `name` may be left out of a file: it is the file's own. */

const steps = list(HttpStepSchema, 'HTTP steps, in order.', { minItems: 1 })
const path = (description: string) => Type.String({ pattern: '^(/|\\{\\{)', maxLength: 2000, description, errorMessage: 'a path that starts with /, or a lookup' })
const optional = { steps: Type.Optional(steps), json: Type.Optional(Type.Unknown({ description: 'Sent as JSON; then by POST.' })) }
const none = Type.Unsafe<Record<string, never>>({ type: 'object', additionalProperties: false, description: 'It takes nothing.' } as TSchema)
const limit = matching<MetricLimit>()(closed({ query: text('PromQL with one value.'), max: Type.Number({ description: 'The most that it may be.' }) }, 'A figure of Prometheus.'))
const page = matching<LatencyPage>()(closed({
  name: Type.String({ pattern: '^[a-z][a-zA-Z0-9]{0,62}$', description: 'Names its figures.', errorMessage: 'a name of letters and digits' }),
  path: path('Its path.'),
  token: Type.Optional(text('Sent as `Authorization: Bearer`.')),
  p95: duration('The most that the 95th percentile may be.'),
  baseline: Type.Optional(duration('What it was before: worse by a tenth and by 5 ms is a regression.')),
}))
const days = (description: string, byDefault: number) => Type.Optional(orLookup({ ...whole(1, 3650, description), default: byDefault }))

const inputs = {
  journey: matching<SmokeCheckInputs['journey']>()(closed({ steps })),
  database: none,
  cache: none,
  worker: matching<SmokeCheckInputs['worker']>()(closed({ steps, depth: Type.Optional(limit), oldest: Type.Optional(limit) })),
  'round-trip': matching<SmokeCheckInputs['round-trip']>()(closed({
    steps,
    text: text('What is written; its checksum must be the same everywhere.'),
    replica: Type.Optional(closed({
      sql: text('A query that answers the text, by what the steps captured.'),
      values: list(Type.String(), 'Its parameters.'),
      within: duration('How long a standby may take.'),
    }, 'How every standby is asked.')),
  })),
  replication: matching<SmokeCheckInputs['replication']>()(closed({
    maxSeconds: Type.Optional(Type.Number({ minimum: 0, description: 'The most that a standby may lag.', default: 5 })),
    maxBytes: Type.Optional(Type.Number({ minimum: 0, description: 'The same in bytes of WAL.', default: 16 * 1024 * 1024 })),
  })),
  'security-headers': matching<SmokeCheckInputs['security-headers']>()(closed({
    pages: list(closed({ path: path('Its path.'), status: whole(100, 599, 'The status that it answers with.') }), 'Pages: a good one, one that is not there, one that is refused.', { minItems: 1 }),
  })),
  tls: matching<SmokeCheckInputs['tls']>()(closed({
    days: days('The certificate is good for at least so many days.', 21),
    hstsDays: days('Strict-Transport-Security lasts at least so many.', 180),
    plainUrl: Type.Optional(text('The address without encryption.')),
  })),
  access: matching<SmokeCheckInputs['access']>()(closed({
    steps: optional.steps,
    path: path('A path that only somebody who is logged in may read.'),
    token: Type.Optional(text('A good token.')),
    ended: Type.Optional(text('A token that was good once.')),
    foreign: Type.Optional(path('Something of another person’s.')),
    private: Type.Optional(text('A text that no refused answer may hold.')),
    limit: Type.Optional(closed({
      path: path('A path with a limit.'),
      json: optional.json,
      other: Type.Optional(Type.Unknown({ description: 'The body of another client, who must still be served.' })),
      burst: whole(2, 100, 'Requests in a row, of which one must end in 429.'),
    }, 'A limit of requests.')),
  })),
  injection: matching<SmokeCheckInputs['injection']>()(closed({ paths: list(path('A path with `{{ payload }}` in it; it only reads.'), 'Parameters to try.', { minItems: 1 }) })),
  latency: matching<SmokeCheckInputs['latency']>()(closed({ pages: list(page, 'Pages.', { minItems: 1 }), samples: Type.Optional(whole(20, 1000, 'Samples a page.')) })),
  'cache-hits': matching<SmokeCheckInputs['cache-hits']>()(closed({
    paths: list(path('A page that is cached.'), 'Pages.', { minItems: 1 }),
    rounds: Type.Optional(whole(2, 50, 'How often all are read.')),
    header: Type.Optional(text('A header that says `hit`. Default: what the cache counts.')),
  })),
  figures: matching<SmokeCheckInputs['figures']>()(closed({ queries: table(text('PromQL with one value.'), 'Figures, by name.'), within: Type.Optional(duration('How long a figure that was never counted may take.', '5s')) })),
  prometheus: matching<SmokeCheckInputs['prometheus']>()(closed({ maxAge: Type.Optional(duration('How old the last scrape may be.', '2m')) })),
  alertmanager: matching<SmokeCheckInputs['alertmanager']>()(closed({ watchdog: Type.Optional(text('Name of the alert that always fires.')) })),
  'alert-arrives': matching<SmokeCheckInputs['alert-arrives']>()(closed({ within: Type.Optional(duration('How long it may take.', '10s')) })),
  grafana: none,
  logs: matching<SmokeCheckInputs['logs']>()(closed({ within: Type.Optional(duration('How long it may take.', '15s')) })),
} satisfies { [C in SmokeCheckName]: TSchema }

export const smokeInputs: { [C in SmokeCheckName]: TSchema } = inputs
const names = Object.keys(smokeInputs) as SmokeCheckName[]

const checkFields = {
  id: name('Its name, unique in the suite.'),
  title: Type.Optional(text('For people. Default: the id in words.')),
  category: oneOf(smokeCategories, 'Where it belongs.'),
  critical: Type.Optional(flag('Passing only on another try is a finding.', true)),
  needs: Type.Optional(list(Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_.-]*$', description: 'A part.', errorMessage: 'a path such as api.accounts.customer' }), 'Parts of the environment, or parameters (`params.NAME`), without which it is `not configured`.')),
  leftovers: Type.Optional(list(HttpStepSchema, 'HTTP steps that remove, by `{{ nonce }}` alone, what a try made whose worker died; the next try begins with them. Where the first is answered with 401, 403, 404 or 410, nothing was there.', { minItems: 1 })),
  retries: Type.Optional(whole(0, 2, 'Tries after a broken connection or 502, 503, 504; never for security and data.')),
  perSecond: Type.Optional(whole(1, 50, 'Requests a second at most.')),
  timeout: Type.Optional(Type.String({ pattern: '^\\d+(\\.\\d+)?(ms|s|m)$', description: 'Longest try.', default: '30s', errorMessage: 'a duration, for example 30s' })),
}

matching<SuiteCheck>()(closed({
  ...checkFields,
  check: Type.Unsafe<SmokeCheckName>({ type: 'string', enum: names } as TSchema),
  with: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
}))
const checkOf = (check: SmokeCheckName) => {
  const takes = smokeInputs[check] as TSchema & { required?: string[] }
  return closed({
    check: Type.Literal(check, { description: smokeCheckAbout[check] }),
    ...checkFields,
    with: (takes.required ?? []).length > 0 ? takes : Type.Optional(takes),
  }, smokeCheckAbout[check])
}

const threshold = matching<Threshold>()(closed({
  metric: text('For people.'),
  unit: Type.Optional(text('For people.')),
  target: Type.Number({ description: 'Better is green.' }),
  alert: Type.Number({ description: 'Worse fails; between the two is a finding. Above the target: more is worse. Below it: less is worse.' }),
  from: closed({ check: name('A check of the suite.'), value: text('A value that it measures.') }, 'Where the figure comes from.'),
}))

export const SuiteSchema = matching<Suite>()(Type.Object({
  name: name('Its name: that of the file without .yaml. May be left out.'),
  title: text('For people, one line.'),
  description: Type.Optional(text('What it proves.')),
  params: Type.Optional(table(Type.Union([Type.String(), Type.Number(), Type.Boolean()]), 'Parameters and their defaults; an environment’s `smoke.params` overrides them.')),
  checks: Type.Unsafe<SuiteCheck[]>({
    type: 'array', minItems: 1, maxItems: 100, description: 'The checks.',
    items: { type: 'object', required: ['check'], discriminator: { propertyName: 'check' }, oneOf: names.map(checkOf) },
  } as unknown as TSchema),
  thresholds: Type.Optional(list(threshold, 'Limits for figures that the checks measure.')),
}, { additionalProperties: false, description: 'A smoke suite: checks and limits.' }))
