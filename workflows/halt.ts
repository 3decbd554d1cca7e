import { ApplicationFailure, condition, proxyActivities, setHandler, sleep, CancellationScope, isCancellation } from '@temporalio/workflow'
import type { Activities } from '../activities/index.js'
import { haltText, weighLift, type Halt, type LiftAsked } from '../src/drill/halt.js'
import { lift, liftAsked, type Lift } from './messages.js'

const { abortDrills } = proxyActivities<Pick<Activities, 'abortDrills'>>({
  startToCloseTimeout: '60s',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '500ms', maximumInterval: '10s' },
  summary: 'abort every drill that the halt is about',
})

/** Visibility lags behind, and a drill may have been admitted in the moment of the halt: so it looks more than once. */
const pauses = ['1s', '2s', '5s', '15s', '30s'] as const

/**
 * A halt that is in force for as long as this workflow runs; its id is `halt:all` or `halt:env:NAME`. Who, why and since when stand in its
 * memo, so that a new drill can be refused with no worker up and the store down.
 */
export async function halt (input: Halt): Promise<{ liftedBy: string[] }> {
  let asked: LiftAsked | undefined
  let lifted: string[] | undefined

  const weigh = (person: Lift['person']): 'asked' | 'lifted' => {
    const weighed = weighLift(input, asked, person)
    if ('refused' in weighed) throw ApplicationFailure.nonRetryable(weighed.refused.message, weighed.refused.code)
    return weighed.outcome
  }

  setHandler(liftAsked, () => asked, { description: 'Who wants it lifted, if anybody' })
  setHandler(lift, ({ person, reason }) => {
    const outcome = weigh(person)
    if (outcome === 'asked') asked = { by: { id: person.id, name: person.name }, reason, atMs: Date.now() }
    else lifted = [asked!.by.name, person.name]
    return { outcome }
  }, {
    description: 'Lift the halt; a second person confirms',
    validator: ({ person }) => { weigh(person) },
  })

  const sweeping = new CancellationScope()
  const sweep = sweeping.run(async () => {
    for (const pause of [undefined, ...pauses]) {
      if (pause) await sleep(pause, { summary: 'look again' })
      await abortDrills({ environment: input.environment, person: input.by, door: input.door, reason: `halt: ${haltText(input)}` })
    }
  }).catch((error: unknown) => { if (!isCancellation(error)) throw error })
  await condition(() => lifted !== undefined)
  sweeping.cancel()
  await sweep
  return { liftedBy: lifted! }
}
