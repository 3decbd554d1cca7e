/**
 * Every error that Muster raises on purpose: one class, one table of stable codes. Callers branch on the code, never
 * on the message. An activity turns it into an ApplicationFailure whose `type` is the code, the API into the status of
 * the table; docs/errors.md is generated from the table.
 */

interface ErrorKind {
  /** HTTP status the API answers with. */
  status: number
  /** Whether trying the same again later may help (Temporal's retry policy follows it). */
  retryable: boolean
  /** One line for docs/errors.md: what it means. */
  means: string
  /** One line for docs/errors.md: what to do. */
  remedy: string
}

/** The table of codes: `area.reason`. Add here first; the compiler then knows the code and the docs list it. */
export const errorTable = {
  'input.invalid': { status: 400, retryable: false, means: 'A request or a command has a wrong shape', remedy: 'Mend what the message names and send it again' },
  'input.tooLarge': { status: 413, retryable: false, means: 'A file or a body is over its limit', remedy: 'Make it smaller; the message gives the limit' },
  'input.mediaType': { status: 415, retryable: false, means: 'The body is of a type that the address does not take', remedy: 'Send JSON with `Content-Type: application/json`' },
  'input.notAcceptable': { status: 406, retryable: false, means: 'The address cannot answer in the type that was asked for', remedy: 'Ask for one of the types that the message names' },
  'runbook.invalid': { status: 422, retryable: false, means: 'A runbook has errors', remedy: 'Run `muster check`; each error has file:line:col' },
  'runbook.unknown': { status: 404, retryable: false, means: 'There is no runbook of that name', remedy: 'Run `muster check` to list the runbooks that are there' },
  'environment.invalid': { status: 422, retryable: false, means: 'An environment file has errors', remedy: 'Run `muster check`; each error has file:line:col' },
  'environment.unknown': { status: 404, retryable: false, means: 'There is no environment of that name', remedy: 'Start the lab (`muster lab up`) or write runbooks/environments/NAME.yaml' },
  'environment.held': { status: 409, retryable: false, means: 'Another drill holds the environment', remedy: 'Wait for the drill that the message names, or abort it' },
  'suite.invalid': { status: 422, retryable: false, means: 'A smoke suite has errors', remedy: 'Run `muster check`; each error has file:line:col' },
  'suite.unknown': { status: 404, retryable: false, means: 'There is no smoke suite of that name', remedy: 'Run `muster check` to list the suites in runbooks/smoke' },
  'params.invalid': { status: 422, retryable: false, means: 'A parameter of the runbook is missing, unknown or wrong', remedy: 'The message names the parameter and what it takes' },
  'lookup.unresolved': { status: 422, retryable: false, means: 'A `{{ }}` names something that is not there', remedy: 'Mend the path; the message names what exists at that place' },
  'secret.missing': { status: 422, retryable: false, means: 'A secret reference (`env:NAME`, `file:PATH`) resolves to nothing', remedy: 'Set it on the worker that serves the environment' },
  'preflight.refused': { status: 409, retryable: false, means: 'The drill was refused before anything was touched', remedy: 'Each reason says what to mend' },
  'preflight.environment': { status: 409, retryable: false, means: 'The runbook may not run in that environment', remedy: 'Choose another one, or name it in the runbook’s `environments`' },
  'preflight.production': { status: 409, retryable: false, means: 'The environment is production, and nobody said so explicitly', remedy: 'Say so: `muster start … --production`' },
  'preflight.blackout': { status: 409, retryable: false, means: 'It is a time in which no drill may start there', remedy: 'Wait until the time that the message names (`blackouts` in the environment file)' },
  'preflight.ownGround': { status: 409, retryable: false, means: 'The drill would break what Muster itself stands on: Temporal, the store, its folder, its way to Slack', remedy: 'Move Muster out of what it drills' },
  'preflight.nobody': { status: 409, retryable: false, means: 'Too few people could answer a gate or a task', remedy: 'The message says who is away; give somebody the role, or name a deputy' },
  'preflight.blind': { status: 409, retryable: false, means: 'Something that a drill must know before it starts could not be asked', remedy: 'The message says what, and why' },
  'limit.fault': { status: 409, retryable: false, means: 'A fault may stay longer than the environment allows', remedy: 'Shorten its `atMost`, or raise `limits.fault` in the environment file' },
  'limit.lease': { status: 409, retryable: false, means: 'A lease is longer than the runbook’s maximum', remedy: 'Shorten `lease`, or raise `maxLease`' },
  'limit.radius': { status: 409, retryable: false, means: 'More components of one kind would be away at once than the environment allows', remedy: 'Break less at once, bring back what is away already, or raise `limits.down` in the environment file' },
  'halt.inForce': { status: 409, retryable: false, means: 'A halt forbids drills there', remedy: 'Ask who halted; two people lift it: `muster resume`' },
  'halt.unknown': { status: 404, retryable: false, means: 'There is no such halt to lift', remedy: 'Run `muster halts`' },
  'drill.unknown': { status: 404, retryable: false, means: 'There is no drill of that id', remedy: 'Run `muster list`' },
  'drill.over': { status: 409, retryable: false, means: 'The drill has ended', remedy: 'Read its report: `muster report ID`' },
  'drill.running': { status: 409, retryable: false, means: 'The drill runs still: it undoes what it owes by itself', remedy: 'Abort it, if that is what you want: `muster abort ID`' },
  'drill.settled': { status: 409, retryable: false, means: 'The drill owes nothing', remedy: 'Nothing: everything is undone' },
  'environment.owed': { status: 409, retryable: false, means: 'An earlier drill left something behind in the environment', remedy: 'Undo it (`muster undo ID`), or by hand with the command that the message gives; `muster undo` then finds it done' },
  'drill.exists': { status: 409, retryable: false, means: 'The idempotency key was used for another request', remedy: 'Use a new key' },
  'gate.unknown': { status: 404, retryable: false, means: 'The drill has no such gate or task', remedy: 'Run `muster watch ID` and use a name that it shows' },
  'gate.notOpen': { status: 409, retryable: false, means: 'The gate or task is not open yet', remedy: 'Wait until the drill gets there' },
  'gate.closed': { status: 409, retryable: false, means: 'The gate or task is already closed', remedy: 'Nothing: the message says how it was decided' },
  'decision.requester': { status: 403, retryable: false, means: 'Who started a drill may not approve its gates', remedy: 'Ask somebody else who holds the role' },
  'decision.role': { status: 403, retryable: false, means: 'The person holds none of the roles that may decide', remedy: 'Ask somebody who does; the message names the role' },
  'decision.twice': { status: 409, retryable: false, means: 'The person has decided already', remedy: 'Nothing: one vote a person' },
  'decision.unverified': { status: 403, retryable: false, means: 'A break-glass signal was not honoured: the environment does not allow it', remedy: 'Decide through the API, or allow breakGlass in the environment file' },
  'decision.service': { status: 403, retryable: false, means: 'A service account tried to answer for people', remedy: 'Ask a person; a service account may start drills and never approves' },
  'decision.fourEyes': { status: 403, retryable: false, means: 'It takes two people, and this one is the first, or gains by it', remedy: 'Ask another one who holds the right' },
  'auth.missing': { status: 401, retryable: false, means: 'The request has no key', remedy: 'Send `Authorization: Bearer KEY` (MUSTER_KEY for the CLI)' },
  'auth.invalid': { status: 401, retryable: false, means: 'The key is wrong, revoked or expired', remedy: 'Ask an admin for a new one: `muster people add`' },
  'auth.expired': { status: 401, retryable: false, means: 'The token is over its time', remedy: 'Sign in again for a new one' },
  'auth.inAddress': { status: 400, retryable: false, means: 'A key or token stands in the address, where proxies and histories write it down', remedy: 'Send `Authorization: Bearer …`; revoke that key, it may have been seen' },
  'auth.issuer': { status: 503, retryable: true, means: 'The issuer of tokens gives no keys to check them with', remedy: 'Look at the issuer (MUSTER_OIDC_ISSUER); keys of Muster’s own work meanwhile' },
  'auth.forbidden': { status: 403, retryable: false, means: 'The person may not do that', remedy: 'Ask somebody with the role that the message names' },
  'form.foreign': { status: 403, retryable: false, means: 'A form did not come from a page of this very session', remedy: 'Load the page anew and send the form from there; behind a proxy MUSTER_PUBLIC_URL must be the address that people use' },
  'auth.insecure': { status: 403, retryable: false, means: 'Signing in on the page would send a key over plain HTTP', remedy: 'Put TLS in front of the API and set MUSTER_PUBLIC_URL to its https address' },
  'route.unknown': { status: 404, retryable: false, means: 'There is no such address', remedy: 'See /docs for the addresses' },
  'rate.limited': { status: 429, retryable: true, means: 'Too many requests', remedy: 'Wait for the seconds in Retry-After' },
  'person.unknown': { status: 404, retryable: false, means: 'There is no person of that id', remedy: 'Run `muster people list`' },
  'person.exists': { status: 409, retryable: false, means: 'There is a person of that id already', remedy: 'Choose another id, or give the person a new key' },
  'person.alone': { status: 409, retryable: false, means: 'The only admin left of several wants to make another one', remedy: 'Somebody with the machine of the store runs `muster people first --id ID --recover`' },
  'person.lastAdmin': { status: 409, retryable: false, means: 'Nobody would be left who may manage people', remedy: 'Make somebody else admin first' },
  'person.privileged': { status: 403, retryable: false, means: 'A new key or sign-in of an admin, or of who holds a role in production, would give their voice away', remedy: 'They do it themselves; or take those roles, do it, and have them given again' },
  'grant.unknown': { status: 404, retryable: false, means: 'There is no such grant or deputy', remedy: 'Run `muster people list`' },
  'server.busy': { status: 503, retryable: true, means: 'The API has more to do than it can', remedy: 'Wait for the seconds in Retry-After; running drills go on' },
  'server.stopping': { status: 503, retryable: true, means: 'The API is shutting down', remedy: 'Try again in a moment; running drills go on' },
  'store.down': { status: 503, retryable: true, means: 'The store (PostgreSQL) does not answer', remedy: 'Start it or mend MUSTER_STORE_URL; running drills go on and are recorded later' },
  'store.outdated': { status: 503, retryable: false, means: 'The tables of the store are older than this Muster', remedy: 'Run `muster migrate`' },
  'store.migrating': { status: 503, retryable: true, means: 'Somebody else is migrating the store', remedy: 'Wait and try again' },
  'store.append': { status: 500, retryable: false, means: 'A timeline event contradicts what is recorded under its number', remedy: 'Do not touch the table; run `muster verify` on the drill' },
  'temporal.down': { status: 503, retryable: true, means: 'Temporal does not answer', remedy: 'Start it or mend TEMPORAL_ADDRESS' },
  'temporal.timeout': { status: 504, retryable: true, means: 'No worker answered within the deadline', remedy: 'Start a worker for the task queue; the request may still be carried out' },
  'control.refused': { status: 422, retryable: false, means: 'A command is not on the allow-list, or names a process that is not ours', remedy: 'Mend the component’s `control` in the environment file' },
  'control.failed': { status: 500, retryable: true, means: 'A component could not be killed, frozen, started or reached', remedy: 'Look at the component; the message has its last words' },
  'component.unreachable': { status: 502, retryable: true, means: 'A component of the environment does not answer', remedy: 'Look at the component that the message names' },
  'component.unexpected': { status: 502, retryable: true, means: 'A component answered something that Muster does not understand', remedy: 'The message has the answer' },
  'splitBrain.prevented': { status: 409, retryable: false, means: 'The step would have made a second primary', remedy: 'Fence the other node first; see docs/operating.md' },
  'volume.shared': { status: 422, retryable: false, means: 'A volume that a drill was to fill is no mount point: filling it would fill the disk of the whole machine', remedy: 'Give it a file system of its own (`muster lab up --volumes`), and name its mount point in the environment file' },
  'link.noLoss': { status: 422, retryable: false, means: 'Packets of a link cannot be lost on purpose: it is not on this machine’s loopback, or the worker is not root, or there is no iptables with `statistic`', remedy: 'Run the worker as root beside Toxiproxy, or choose another `how`; the message says what is missing' },
  'undo.unproven': { status: 500, retryable: true, means: 'An undo ran, and its verification did not pass', remedy: 'It is retried; when it stays so, the report names the command to run by hand' },
  'step.over': { status: 409, retryable: false, means: 'A try of a step came after the step’s undo had begun: its worker was silent for so long that Temporal had given it up', remedy: 'Nothing: it did nothing; look what held the worker up' },
  'lease.lost': { status: 409, retryable: false, means: 'The watchdog reverts what a drill broke, or has done so, since its lease was not renewed', remedy: 'Nothing: the drill ends as `invalid`; look why its worker or Temporal was away' },
  'watchdog.absent': { status: 503, retryable: true, means: 'No watchdog took note of a lease, so the fault was not injected', remedy: 'Start it on the worker’s machine, with the same MUSTER_HOME (docs/operating.md)' },
  'watchdog.running': { status: 409, retryable: false, means: 'Another watchdog serves the same folder', remedy: 'One is enough' },
  'steady.unhealthy': { status: 409, retryable: false, means: 'The environment is not in its steady state, so a drill would prove nothing', remedy: 'Mend what the message names, then start again' },
  'result.unavailable': { status: 404, retryable: true, means: 'No step has a whole result yet: it still runs, or has none', remedy: 'Loads and smoke suites have results once they are over; `muster watch` shows how far they are' },
  'scenario.unknown': { status: 404, retryable: false, means: 'There is no load scenario of that name', remedy: 'Run `muster check` to list what is there' },
  'scenario.invalid': { status: 422, retryable: false, means: 'A load scenario, or what its users do, has errors', remedy: 'Run `muster check`; each error has file:line:col' },
  'load.refused': { status: 409, retryable: false, means: 'The load would go where it may not, or be more than the environment allows', remedy: 'The message names the limit; `load` in the environment file sets it' },
  'load.failed': { status: 500, retryable: false, means: 'A load generator died', remedy: 'The message has its last words; start the run again' },
  'evidence.tampered': { status: 422, retryable: false, means: 'An export does not match its hash chain', remedy: 'Treat the copy as changed; the message names the first bad event' },
  'report.unavailable': { status: 404, retryable: true, means: 'Nothing is recorded of that drill yet', remedy: 'Try again in a second, or ask for its status' },
  'tools.missing': { status: 500, retryable: false, means: 'A server or tool that the lab needs is not installed', remedy: 'Run `npm run setup`' },
  'lab.failed': { status: 500, retryable: false, means: 'A server of the lab did not start or stop', remedy: 'The message has the server’s last log lines' },
  'lab.unknown': { status: 404, retryable: false, means: 'There is no lab of that name', remedy: 'Run `muster lab up`' },
  'backup.missing': { status: 404, retryable: false, means: 'There is no such backup, or no repository', remedy: 'Make one first, or choose one that the message names' },
  'backup.key': { status: 422, retryable: false, means: 'A password or key does not open a backup', remedy: 'Find the right one: without it the backup is lost' },
  'backup.locked': { status: 409, retryable: true, means: 'Another run holds the repository of backups', remedy: 'Wait for it; a lock of a run that died is removed by the next backup' },
  'backup.incomplete': { status: 422, retryable: false, means: 'A backup would not hold, or does not hold, everything that it should', remedy: 'Mend what the message names, then back up again' },
  'backup.moving': { status: 409, retryable: true, means: 'What was backed up changed meanwhile, so nothing could prove the copy', remedy: 'Run it in a quiet moment, or keep what always changes out of the paths' },
  'backup.damaged': { status: 500, retryable: false, means: 'A backup cannot be read back as it was written', remedy: 'Use an older one, make a new one at once, and find out what damaged it' },
  'backup.unexpected': { status: 502, retryable: true, means: 'A backup tool said something that Muster does not understand', remedy: 'The message has its words' },
  'scratch.notOurs': { status: 409, retryable: false, means: 'The folder for a copy holds something that Muster did not put there', remedy: 'Move it away, or name another folder: nothing was touched' },
  'scratch.notMemory': { status: 422, retryable: false, means: 'The folder for opened secrets is not in memory', remedy: 'Name a folder of a tmpfs as `memoryDir`' },
  'scratch.full': { status: 507, retryable: false, means: 'There is too little room for a copy', remedy: 'Make room, or name a folder on another disk; nothing was written' },
  'api.unreachable': { status: 503, retryable: true, means: 'The CLI gets no answer from Muster’s API', remedy: 'Start it (`muster dev`), or set MUSTER_URL to where it is' },
  'contact.lost': { status: 503, retryable: true, means: 'The CLI heard nothing from Muster for a minute while it watched a drill; the drill goes on', remedy: 'Run `muster watch ID` again' },
  'dev.running': { status: 409, retryable: false, means: 'Another `muster dev` runs in the same folder', remedy: 'Use that one, or stop it with Ctrl-C in its terminal' },
  'dev.failed': { status: 500, retryable: false, means: 'A part of `muster dev` did not start', remedy: 'The message has its last words; its log lies in .muster/dev' },
  'slack.signature': { status: 401, retryable: false, means: 'A request says that it is from Slack, and its signature or its time does not prove it', remedy: 'Set MUSTER_SLACK_SIGNING_SECRET to that of the app, and this machine’s clock' },
  'slack.replayed': { status: 409, retryable: false, means: 'The very same request of Slack was taken before', remedy: 'Nothing: it counted once' },
  'slack.stranger': { status: 403, retryable: false, means: 'The Slack user belongs to no person of Muster, or may not act', remedy: 'An admin says who it is: `muster people link ID --slack USER`' },
  'slack.limited': { status: 429, retryable: true, means: 'Slack asks to slow down', remedy: 'Nothing: it is tried again after the time that Slack gave' },
  'slack.down': { status: 503, retryable: true, means: 'Slack does not answer, or cannot now', remedy: 'Nothing: drills go on, and the cards catch up' },
  'slack.refused': { status: 502, retryable: false, means: 'Slack refuses what Muster asks of it', remedy: 'The message has Slack’s own word for it; docs/slack.md says what to do' },
  'person.linked': { status: 409, retryable: false, means: 'The Slack user or e-mail address belongs to somebody else already', remedy: 'Take it from them first: `muster people unlink ID`' },
  'config.invalid': { status: 500, retryable: false, means: 'The configuration is wrong', remedy: 'The message names the variable and what it takes' },
  'backup.unreadable': { status: 502, retryable: true, means: 'The backup repository cannot be read, or answers something that Muster does not understand', remedy: 'The message has pgBackRest’s words; run its `info` by hand' },
  'backup.mismatch': { status: 409, retryable: false, means: 'The backups are of another cluster or of another version of PostgreSQL', remedy: 'Mend the environment’s backup component; the message has both sides' },
  'backup.failed': { status: 500, retryable: true, means: 'pgBackRest could not do what it was asked', remedy: 'The message has its words' },
  'backup.stalled': { status: 504, retryable: true, means: 'A backup, a restore or a replay made no progress for minutes and was ended', remedy: 'Look at the disk and the repository; the message says how far it came' },
  'restore.recovery': { status: 500, retryable: false, means: 'The restored server ended before its recovery did', remedy: 'The message has the last words of its log' },
  'rebuild.notUp': { status: 500, retryable: false, means: 'A service of a system that comes up anew from its backups did not start, or does not answer', remedy: 'The message has its last words; what it reads came from the sealed configuration' },
  'target.invalid': { status: 422, retryable: false, means: 'The target of a recovery says nothing that recovery can stop at', remedy: 'The message says what is wrong; a time needs its zone' },
  'target.unreachable': { status: 422, retryable: false, means: 'The backups and the archive do not lead to the target of a recovery', remedy: 'The message says how far they lead' },
  internal: { status: 500, retryable: true, means: 'A mistake of Muster’s own', remedy: 'Report it with the reference in the message' },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorTable

/** The one class that Muster throws. `details` is plain data (it crosses HTTP and Temporal) and never holds a secret. */
export class DrillError extends Error {
  override readonly name = 'DrillError'
  readonly code: ErrorCode
  readonly details: unknown

  constructor (code: ErrorCode, message: string, options: { cause?: unknown, details?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.details = options.details
  }

  get status (): number { return errorTable[this.code].status }
  get retryable (): boolean { return errorTable[this.code].retryable }
}

export function isErrorCode (code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorTable, code)
}

/** The message of whatever was thrown, for one line of text. */
export function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
