import { DrillError, errorTable, messageOf, type ErrorCode } from '../errors.js'
import type { Refusal } from '../drill/timeline.js'
import { isContactLost } from './api.js'
import { clean } from './text.js'

/** How an error is told: one sentence what is wrong, reasons if there are several, what to type next. Never a stack trace. */
export interface Complaint {
  code: ErrorCode
  message: string
  reasons: string[]
  next?: string
  exitCode: number
}

/** What the command was about, for the next command to type. */
export interface About { drillId?: string, command?: string }

/** @param error whatever was thrown */
export function complaintOf (error: unknown, about: About = {}): Complaint {
  if (!(error instanceof DrillError)) {
    return { code: 'internal', message: `${clean(messageOf(error))} (a mistake of Muster’s own)`, reasons: [], next: 'MUSTER_DEBUG=1 shows where it happened', exitCode: 1 }
  }
  return { code: error.code, message: clean(error.message), reasons: reasonsOf(error), next: nextOf(error, about), exitCode: exitCodeOf(error.code) }
}

export function complaintLines (complaint: Complaint): string[] {
  return [`muster: ${complaint.message}`, ...complaint.reasons.map(reason => `  - ${reason}`), ...complaint.next === undefined ? [] : [`→ ${complaint.next}`]]
}

/** 1 a local failure, 2 bad input, 3 refused, 4 nobody knows: the drill goes on. */
function exitCodeOf (code: ErrorCode): number {
  if (code === 'preflight.refused' || code === 'environment.held' || code === 'load.refused') return 3
  if (isContactLost(code) || code === 'rate.limited') return 4
  if (code === 'evidence.tampered') return 1
  return errorTable[code].status < 500 || code === 'config.invalid' ? 2 : 1
}

function reasonsOf (error: DrillError): string[] {
  if (!Array.isArray(error.details)) return []
  const reasons = (error.details as Array<Partial<Refusal> | string>).map(one => typeof one === 'string' ? one : one.message).filter(one => one !== undefined)
  return reasons.length === 1 && error.message.includes(reasons[0]!) ? [] : reasons.map(clean)
}

function nextOf (error: DrillError, { drillId, command }: About): string {
  const told = (error.details as { drillId?: unknown } | undefined)?.drillId
  const concerned = typeof told === 'string' ? told : drillId
  switch (error.code) {
    case 'input.invalid': return command === undefined ? 'muster --help' : `muster ${command} --help`
    case 'auth.missing':
    case 'auth.invalid': return 'export MUSTER_KEY=…   (an admin makes one with: muster people add)'
    case 'environment.held': return concerned === undefined ? 'muster list' : `muster watch ${concerned}`
    case 'environment.unknown': return 'muster lab up   (or write runbooks/environments/NAME.yaml)'
    case 'runbook.unknown':
    case 'runbook.invalid':
    case 'environment.invalid':
    case 'scenario.unknown':
    case 'scenario.invalid': return 'muster check'
    case 'preflight.refused': return 'mend what is named above, then: muster plan RUNBOOK --env E'
    case 'drill.unknown': return 'muster list'
    case 'drill.over': return `muster report ${drillId ?? 'ID'}`
    case 'gate.unknown':
    case 'gate.notOpen':
    case 'gate.closed': return `muster watch ${drillId ?? 'ID'}`
    case 'api.unreachable': return 'muster dev   (starts Muster here; MUSTER_URL or --url names another one)'
    case 'contact.lost': return `muster watch ${drillId ?? 'ID'}`
    case 'temporal.timeout': return concerned === undefined ? 'muster list   (the request may still be carried out)' : `muster watch ${concerned}   (the request may still be carried out)`
    case 'tools.missing': return 'npm run setup'
    default: return errorTable[error.code].remedy
  }
}
