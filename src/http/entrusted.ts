import { listEntrusted, everywhere, type Entrusted } from '../store/grants.js'
import { peopleOnCall } from '../store/people.js'
import type { AppDeps } from './deps.js'

/** A grant or deputy as a route answers it. */
export interface EntrustedLine extends Omit<Entrusted, 'askedAt'> { askedAt: string, waits: boolean }

/** What is entrusted now, and whether it waits for a second admin: only what reaches production does, and one admin more. */
export async function entrustedLines ({ store, catalog }: Pick<AppDeps, 'store' | 'catalog'>, personId?: string): Promise<EntrustedLine[]> {
  const [all, { environments }, people] = await Promise.all([listEntrusted(store.pool, personId), catalog(), peopleOnCall(store.pool)])
  const places = new Set([everywhere, 'tier:production', ...environments.filter(({ value }) => value?.tier === 'production').map(({ name }) => name)])
  const trusted = new Set(people.filter(({ grants = [] }) => grants.some(grant => grant.fourEyes)).map(({ id }) => id))
  return all.map(one => ({
    ...one,
    askedAt: one.askedAt.toISOString(),
    waits: one.confirmedBy === undefined && (one.kind === 'grant' ? places.has(one.in!) : trusted.has(one.personId)),
  }))
}
