import { condition, defineUpdate, proxyActivities, setHandler } from '@temporalio/workflow'
import type { Activities } from '../activities/index.js'

// The peers: what somebody would write by hand for the same work, without Muster, on the same activities with the same inputs.
// Bundled together with Muster's own workflows.
export * from '../workflows/index.js'

const activities = proxyActivities<Activities>({ startToCloseTimeout: '10s' })

const cutting = (index: number): Parameters<Activities['toxiproxy.cut']>[0] => ({ drillId: 'by-hand', stepId: `a-${index}`, with: { link: { toxiproxy: 'http://127.0.0.1:1', proxy: `a-${index}` } } })

/** So many activities in a row. */
export async function byHand (count: number): Promise<void> {
  for (let index = 0; index < count; index++) await activities['check.http.ok']({ drillId: 'by-hand', stepId: `look-${index}`, with: { url: 'http://127.0.0.1:1' } })
}

/** So many activities in a row, and what undoes each, in reverse: a saga. */
export async function sagaByHand (count: number): Promise<void> {
  for (let index = 0; index < count; index++) await activities['toxiproxy.cut'](cutting(index))
  for (let index = count - 1; index >= 0; index--) await activities['toxiproxy.cut.undo'](cutting(index))
}

/** A bare Update that lets one activity run, again and again. */
export async function bareGate (rounds: number): Promise<void> {
  let open = 0
  setHandler(defineUpdate<number>('open'), () => ++open)
  for (let round = 1; round <= rounds; round++) {
    await condition(() => open >= round)
    await activities['toxiproxy.cut'](cutting(round))
  }
}
