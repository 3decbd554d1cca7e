import { condition, defineUpdate, proxyActivities, setHandler } from '@temporalio/workflow'

// The peers: what somebody would write by hand for the same work, without Muster. Bundled together with Muster's own workflows.
export * from '../workflows/index.js'

const { step } = proxyActivities<{ step: () => Promise<string> }>({ startToCloseTimeout: '10s' })

/** A hundred activities in a row. */
export async function byHand (count: number): Promise<void> {
  for (let index = 0; index < count; index++) await step()
}

/** A bare Update that lets one activity run, again and again. */
export async function bareGate (rounds: number): Promise<void> {
  let open = 0
  setHandler(defineUpdate<number>('open'), () => ++open)
  for (let round = 1; round <= rounds; round++) {
    await condition(() => open >= round)
    await step()
  }
}
