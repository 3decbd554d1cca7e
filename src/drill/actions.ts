import type { Reverted } from './lease.js'
import { backupActions, type BackupInputs } from './actions/backup.js'
import { cacheActions, type CacheInputs } from './actions/cache.js'
import { databaseActions, type DatabaseInputs } from './actions/database.js'
import { diskActions, type DiskInputs } from './actions/disks.js'
import { linkActions, type LinkInputs } from './actions/links.js'
import { rebuildActions, type RebuildInputs } from './actions/rebuild.js'
import { recoveryActions, type RecoveryInputs } from './actions/recovery.js'
import { serviceActions, type ServiceInputs } from './actions/services.js'
import type { ActionCatalog } from './actions/facts.js'

/** What each action takes. The runbook schema is checked against these types by the compiler. */
export interface ActionInputs extends DatabaseInputs, ServiceInputs, CacheInputs, LinkInputs, DiskInputs, RecoveryInputs, BackupInputs, RebuildInputs {}

export type ActionName = keyof ActionInputs

export const actionCatalog: ActionCatalog<ActionInputs> = {
  ...databaseActions,
  ...serviceActions,
  ...cacheActions,
  ...linkActions,
  ...diskActions,
  ...recoveryActions,
  ...backupActions,
  ...rebuildActions,
}

/** What an action's activity returns. */
export interface ActionResult {
  /** One line of what was done, with figures. */
  summary: string
  /** For `{{ steps.ID.output.x }}`. Never a secret. */
  output: Record<string, unknown>
  /** For a fault: when it struck, epoch ms of the worker's clock. */
  faultAtMs?: number
}

export interface ActivityContextInput<Input> {
  drillId: string
  stepId: string
  with: Input
  /** Of a leased action: how long its fault stays when nothing renews it. */
  leaseMs?: number
  /** Of a leased action: how long its fault stays at most, however often it is renewed. */
  mostMs?: number
}

/** What an undo's activity returns, only once its verification has passed; it throws otherwise and is retried. */
export interface UndoResult {
  /** `already`: the verification passed before anything was done. */
  state: 'already' | 'undone'
  summary: string
  /** The watchdog had undone it before: its record. */
  reverted?: Reverted
  /** Of a leased action: this machine never had its lease, so whether a watchdog elsewhere reverted it is not known. */
  leaseUnknown?: boolean
}
