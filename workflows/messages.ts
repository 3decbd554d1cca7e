import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import type { Decision } from '../src/drill/decide.js'
import type { LiftAsked } from '../src/drill/halt.js'
import type { Admission } from '../src/drill/input.js'
import type { ProbeEdge } from '../src/drill/observation.js'
import type { Door, Person } from '../src/drill/people.js'
import type { DrillStatus } from '../src/drill/status.js'
import type { DrillEvent } from '../src/drill/timeline.js'

/**
 * Everything that can be said to a drill. Updates, where the caller must learn whether it counted; signals, where nobody waits or
 * the sender must get through with no worker up. Used unchanged by both sides.
 */

/** Answers once preflight is over: admitted, or refused with reasons. */
export const admission = defineUpdate<Admission>('admission')
/** A person's answer to a gate. Its validator refuses with an ApplicationFailure whose type is the error code. */
export const decide = defineUpdate<{ outcome: 'approved' | 'rejected' | 'undecided', missing: number }, [Decision]>('decide')
export interface Confirmation { step: string, person: Person, door: Door, note?: string, key: string }
export const confirm = defineUpdate<{ outcome: 'confirmed' }, [Confirmation]>('confirm')
export interface Abort { person: Person, door: Door, reason: string }
/** A second abort changes nothing. */
export const abort = defineUpdate<{ outcome: 'aborting' | 'already' }, [Abort]>('abort')
export interface Lift { person: Person, reason: string }
/** To a halt, not to a drill: lift it. The first one asks, the second one lifts. */
export const lift = defineUpdate<{ outcome: 'asked' | 'lifted' }, [Lift]>('lift')
export const liftAsked = defineQuery<LiftAsked | undefined>('liftAsked')
export interface Note { person: Person, door: Door, text: string }
export const note = defineUpdate<{ seq: number }, [Note]>('note')
export interface Declaration { person: Person, door: Door, note?: string }
/** A person says that there is an outage: a detection. */
export const declare = defineUpdate<{ outcome: 'declared' | 'already' }, [Declaration]>('declare')

/** The same, from a parent to its nested drills. */
export const declared = defineSignal<[Declaration]>('declared')

/** Break-glass: the same payload as `decide`, from Temporal's own CLI. Its sender is only claimed. Never throws. */
export const approval = defineSignal<[Decision]>('approval')
export interface AlertMessage { name: string, state: 'firing' | 'resolved', arrivedAtMs: number, startsAtMs?: number, summary?: string }
export const alert = defineSignal<[AlertMessage]>('alert')
export const probe = defineSignal<[ProbeEdge]>('probe')
/** Of a load that is held: the users of one of its shards are all there. */
export const loadUp = defineSignal<[{ step: string, shard: number }]>('loadUp')

export const status = defineQuery<DrillStatus | undefined>('status')
/** Events after a number, as the workflow holds them: for when the store does not answer. */
export const timeline = defineQuery<DrillEvent[], [{ after: number }]>('timeline')
