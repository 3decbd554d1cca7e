import Type from 'typebox'
import { componentKinds, defaultMaxFault, type ComponentKind } from '../drill/limits.js'
import { tiers, type Environment } from '../drill/environment.js'
import { durationPattern } from '../drill/duration.js'
import { ApiSchema, BackupSchema, CacheSchema, DatabaseSchema, LoadAllowanceSchema, MonitoringSchema, objectiveFields, secret, VolumesSchema } from './environment-schema.js'
import { closed, flag, list, matching, name, oneOf, table, text } from './pieces.js'
import { RebuildSchema } from './rebuild-schema.js'
import { RecoverySchema } from './recovery-schema.js'

/** The inventory of a system under drill. `name` may be left out of a file: it is the file's own. */

const instant = (description: string) => Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d+)?)?(Z|[+-]\\d{2}:\\d{2})$', description, errorMessage: 'an ISO time with its zone, for example 2026-12-24T00:00:00Z' })
const most = (kind: ComponentKind) => Type.Optional(Type.Integer({ minimum: 0, maximum: 1000, description: `Of kind ${kind}.`, errorMessage: 'a whole number from 0 to 1000' }))

export const EnvironmentSchema = matching<Environment>()(closed({
  name: name('Its name: that of the file without .yaml. May be left out.'),
  title: Type.Optional(text('For people.')),
  tier: oneOf(tiers, 'What it is. `spare`: an empty machine, on which another environment comes up from its backups. `production` asks for an explicit opt-in at every start.'),
  taskQueue: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Task queue of the workers that sit in its network.', default: 'muster' })),
  objectives: Type.Optional(closed(objectiveFields, 'Targets of the system as a whole; a runbook may set tighter ones.')),
  limits: Type.Optional(closed({
    fault: Type.Optional(Type.String({ pattern: durationPattern.source, default: defaultMaxFault, description: 'Longest time that any fault may stay, whoever renews it: then the watchdog reverts it.', errorMessage: 'a duration, for example 500ms, 30s, 5m, 4h' })),
    down: Type.Optional(closed(Object.fromEntries(componentKinds.map(kind => [kind, most(kind)])) as Record<ComponentKind, ReturnType<typeof most>>,
      'How many of one kind may be away at once, what is away already counted in. Default: in production one of each kind, elsewhere as many as a runbook likes.')),
  }, 'How far a drill may go here.')),
  breakGlass: Type.Optional(flag('Whether an unverified decision by Temporal’s own signal counts here.')),
  database: Type.Optional(DatabaseSchema),
  cache: Type.Optional(CacheSchema),
  api: Type.Optional(ApiSchema),
  monitoring: Type.Optional(MonitoringSchema),
  recovery: Type.Optional(RecoverySchema),
  rebuild: Type.Optional(RebuildSchema),
  load: Type.Optional(LoadAllowanceSchema),
  backup: Type.Optional(BackupSchema),
  volumes: Type.Optional(VolumesSchema),
  channels: Type.Optional(table(closed({ webhook: secret('Address that messages are posted to.') }), 'Webhooks that `notify` steps post to, by name.')),
  smoke: Type.Optional(closed({
    suite: Type.Optional(name('The suite of `muster smoke`. Default `production`.')),
    params: Type.Optional(table(Type.Union([Type.String(), Type.Number(), Type.Boolean()]), 'Parameters of suites, by name.')),
  }, 'What smoke suites are told of this environment.')),
  blackouts: Type.Optional(list(closed({
    from: instant('First moment.'),
    to: instant('Last moment.'),
    reason: text('Told to whoever tries.'),
  }), 'When no drill may start.')),
}, 'A system under drill.'))
