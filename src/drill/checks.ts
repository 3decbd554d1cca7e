import type { CheckCatalog } from './checks/facts.js'
import { backupChecks, type BackupCheckInputs } from './checks/backup.js'
import { cacheChecks, type CacheCheckInputs } from './checks/cache.js'
import { databaseChecks, type DatabaseCheckInputs } from './checks/database.js'
import { diskChecks, type DiskCheckInputs } from './checks/disks.js'
import { linkChecks, type LinkCheckInputs } from './checks/links.js'
import { rebuildChecks, type RebuildCheckInputs } from './checks/rebuild.js'
import { recoveryChecks, type RecoveryCheckInputs } from './checks/recovery.js'
import { serviceChecks, type ServiceCheckInputs } from './checks/services.js'
import type { Loss } from './loss.js'

/** What each check takes. The runbook schema is checked against these types by the compiler. */
export interface CheckInputs extends
  DatabaseCheckInputs, LinkCheckInputs, DiskCheckInputs, ServiceCheckInputs,
  CacheCheckInputs, RecoveryCheckInputs, BackupCheckInputs, RebuildCheckInputs {}

export type CheckName = keyof CheckInputs

export const checkCatalog: CheckCatalog<CheckInputs> = {
  ...databaseChecks,
  ...linkChecks,
  ...diskChecks,
  ...serviceChecks,
  ...cacheChecks,
  ...recoveryChecks,
  ...backupChecks,
  ...rebuildChecks,
}

/** `blind`: it could not be asked, or there was no data. Never a pass. */
export type CheckOutcome = 'pass' | 'fail' | 'blind'

/** What a check's activity returns; it never throws for a failed check. */
export interface CheckResult {
  outcome: CheckOutcome
  /** What was observed, one line with figures. */
  observed: string
  /** What was expected, one line. */
  expected: string
  output: Record<string, unknown>
  /** Of `canaries.compare` alone. */
  loss?: Loss
}
