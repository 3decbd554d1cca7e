import type { Checks } from '../action.js'
import { cacheEqual, cacheFresh, cacheSound } from '../restore/cache-checks.js'
import { configurationEqual } from '../restore/configuration-equal.js'
import { filesEqual, filesFresh, filesSound } from '../restore/files-checks.js'
import { copyRows } from '../rows/on-copy.js'
import { rebuildEmpty } from '../rebuild/empty.js'
import { rebuildLoss, rebuildMoment, rebuildTimely } from '../rebuild/measure.js'
import { rowsDamaged, rowsMended } from '../rows/damaged.js'
import { backupArchiving } from '../backup/archiving.js'
import { copyBehind } from '../backup/behind.js'
import { backupContinuous } from '../backup/continuous.js'
import { backupFresh } from '../backup/fresh.js'
import { backupPromise } from '../backup/promise.js'
import { copyProven } from '../backup/proven.js'
import { copySound } from '../backup/sound.js'
import { copyTimely } from '../backup/timely.js'
import { backupVerified } from '../backup/verified.js'
import { alertsQuiet } from './alerts-quiet.js'
import { apiDown } from './api-down.js'
import { apiReady } from './api-ready.js'
import { cacheConsistent } from './cache-consistent.js'
import { cacheWarm } from './cache-warm.js'
import { archivingStuck } from './archiving-stuck.js'
import { canariesCompare } from './canaries-compare.js'
import { diskFull } from './disk-full.js'
import { diskRoom } from './disk-room.js'
import { httpOk } from './http-ok.js'
import { linkBroken } from './link-broken.js'
import { onePrimary } from './one-primary.js'
import { ordersAccount } from './orders-account.js'
import { postgresInvariants } from './postgres-invariants.js'
import { postgresOutOfRoom } from './postgres-out-of-room.js'
import { postgresSteady } from './postgres-steady.js'
import { limitAccount, limitSpent } from './rate-limit.js'
import { redisSteady } from './redis-steady.js'
import { sessionsAccount } from './sessions-account.js'

/** Everything that can be asked: name → implementation, complete by the compiler. `dataDir`: where the observation keeps its journals. */
export function createChecks (deps: { dataDir: string }): Checks {
  return {
    'postgres.steady': postgresSteady,
    'postgres.onePrimary': onePrimary,
    'link.broken': linkBroken,
    'postgres.invariants': postgresInvariants,
    'postgres.outOfRoom': postgresOutOfRoom,
    'archiving.stuck': archivingStuck,
    'disk.room': diskRoom,
    'disk.full': diskFull,
    'canaries.compare': canariesCompare(deps),
    'http.ok': httpOk,
    'api.ready': apiReady,
    'api.down': apiDown,
    'alerts.quiet': alertsQuiet,
    'files.fresh': filesFresh,
    'files.sound': filesSound,
    'files.equal': filesEqual,
    'configuration.equal': configurationEqual,
    'redis.steady': redisSteady,
    'cache.warm': cacheWarm,
    'cache.consistent': cacheConsistent,
    'sessions.account': sessionsAccount(deps),
    'limit.spent': limitSpent,
    'limit.account': limitAccount,
    'orders.account': ordersAccount(deps),
    'cache.fresh': cacheFresh,
    'cache.sound': cacheSound,
    'cache.equal': cacheEqual,
    'backup.fresh': backupFresh,
    'backup.verified': backupVerified,
    'backup.continuous': backupContinuous,
    'backup.archiving': backupArchiving,
    'backup.promise': backupPromise,
    'copy.proven': copyProven,
    'copy.sound': copySound,
    'copy.timely': copyTimely,
    'copy.behind': copyBehind,
    'copy.rows': copyRows,
    'rows.damaged': rowsDamaged,
    'rows.mended': rowsMended,
    'rebuild.empty': rebuildEmpty,
    'rebuild.moment': rebuildMoment,
    'rebuild.loss': rebuildLoss,
    'rebuild.timely': rebuildTimely,
  }
}
