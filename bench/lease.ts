import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startWatchdog } from '../src/dev/entries.js'
import { end } from '../src/dev/process.js'
import { makeFolder } from '../src/dev/state.js'
import { leaseFolder } from '../src/lease/folder.js'
import { startToxiproxy } from '../test/fixtures/toxiproxy.js'
import type { Bench } from './hold.js'
import { spread, type Figure } from './measure.js'

const leaseMs = 3_000
const rounds = 10
/** As often as a worker renews, ms. */
const renewMs = 500

/** From the SIGKILL of whoever renews a lease to the link that is open again, by a watchdog that is a process of its own; beside the lease. */
export async function lease ({ hold, tell }: Bench): Promise<Figure[]> {
  const root = await hold.folder()
  makeFolder(root)
  const folder = leaseFolder(join(root, 'leases'))
  const { link, isCut } = await hold.take(startToxiproxy(), toxiproxy => toxiproxy.stop())
  tell('the watchdog starts')
  await hold.take(startWatchdog({ root, env: { ...process.env, MUSTER_HOME: root, MUSTER_LOG_PRETTY: 'false' }, onStart: () => {} }), one => end(one, 20_000))
  const times: number[] = []
  let starved = 0
  for (let round = 1; times.length < rounds; round++) {
    tell(`death ${times.length + 1} of ${rounds}`)
    const drillId = `bench-${round}`
    folder.hold({ drillId, stepId: 'cut', action: 'toxiproxy.cut', with: { link }, leaseMs, heldSinceMs: Date.now() })
    // Until the renewer is up, which takes its time.
    const meanwhile = setInterval(() => { folder.renew(drillId) }, 100)
    while (!folder.isArmed(drillId, 'cut')) await delay(5)
    await (await fetch(`${link.toxiproxy}/proxies/${link.proxy}`, { method: 'POST', body: JSON.stringify({ enabled: false }) })).text()
    const file = join(folder.dir, `${drillId}~cut.lease`)
    const renewer = spawn(process.execPath, ['-e', `const { utimesSync } = require('node:fs'); const renew = () => { const now = new Date(); utimesSync(${JSON.stringify(file)}, now, now) }; renew(); setInterval(renew, ${renewMs}); console.log('renews')`], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(renewer, 'exit')
    await Promise.race([once(renewer.stdout, 'data'), ended.then(() => { throw new Error('the renewer ended by itself') })])
    clearInterval(meanwhile)
    // Longer than the lease, so that it is the renewing that keeps it; and not always at the same moment of a renewal.
    await delay(leaseMs * 1.2 + Math.random() * renewMs)
    if (!await isCut()) {
      // The renewer did not get the processor for a whole lease: that is not what is measured here.
      renewer.kill('SIGKILL')
      await ended
      if (++starved > rounds) throw new Error('the lease was not kept while it was renewed')
      continue
    }
    const from = performance.now()
    renewer.kill('SIGKILL')
    await ended
    while (await isCut()) await delay(5)
    times.push(performance.now() - from)
  }
  return [{
    what: 'death of the renewer to the reverted fault', unit: 'ms', ours: spread(times), peer: { name: 'the lease itself', ...spread([leaseMs]) }, goals: [{ of: 'p50', ratio: 1.1 }, { of: 'p99', ratio: 1.5 }],
    notes: [`renewed every ${renewMs} ms, so up to that much of a lease may be over at the death`, ...starved > 0 ? [`${starved} rounds more in which the machine was too busy to renew`] : []],
  }]
}
