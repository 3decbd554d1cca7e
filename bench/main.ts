import { abort } from './abort.js'
import { decisions } from './decisions.js'
import { failover } from './failover.js'
import { Hold, type Bench } from './hold.js'
import { lease } from './lease.js'
import { load } from './load.js'
import { isMet, ratioOf, type Figure, type Goal } from './measure.js'
import { restore } from './restore.js'
import { smoke } from './smoke.js'
import { steps } from './steps.js'
import { store } from './store.js'
import { goalText, tableOf } from './table.js'
import { waiting } from './waiting.js'

// `npm run bench [-- NAME…] [--json] [--full]`: figures beside their peers, measured in one run. A missed goal is told, not failed: the exit
// code is 0 unless something could not be measured (1), was asked for wrongly (2) or was interrupted (130).

const benches: Record<string, (bench: Bench) => Promise<Figure[]>> = { steps, decisions, failover, store, abort, lease, waiting, restore, smoke, load }

const args = process.argv.slice(2)
const json = args.includes('--json')
const full = args.includes('--full')
const names = args.filter(arg => arg !== '--json' && arg !== '--full')
const unknown = names.find(name => !(name in benches))
if (unknown !== undefined) {
  console.error(`bench: there is no "${unknown}"; there are ${Object.keys(benches).join(', ')}, and --json, --full`)
  process.exit(2)
}

const hold = new Hold()
let stopping = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping) return
    stopping = true
    console.error('bench  stopping what was started')
    // A call that Temporal's client tries again, on a connection that is closed now, throws out of a timer.
    process.on('uncaughtException', () => {})
    process.on('unhandledRejection', () => {})
    hold.releaseAll().then(() => process.exit(130), (error: unknown) => {
      console.error(error)
      process.exit(130)
    })
  })
}

const began = Date.now()
const figures: Figure[] = []
let failed = false
for (const name of Object.keys(benches)) {
  if (names.length > 0 && !names.includes(name)) continue
  try {
    figures.push(...await benches[name]!({ hold, full, tell: line => { if (!stopping) console.error(`bench  ${((Date.now() - began) / 1000).toFixed(0).padStart(4)} s  ${name}: ${line}`) } }))
  } catch (error) {
    // Whatever was under way when the end was asked for fails; that is no news.
    if (!stopping) console.error(`bench: ${name} could not be measured:`, error)
    failed = true
  }
  if (stopping) await new Promise(() => {})
  await hold.releaseAll().catch((error: unknown) => {
    console.error(`bench: ${name} could not be ended:`, error)
    failed = true
  })
}
console.log(json ? JSON.stringify(figures.map(asData), undefined, 2) : tableOf(figures))
process.exit(failed ? 1 : 0)

function asData (figure: Figure): object {
  const judged = (goal: Goal): object => figure.absent === undefined ? { met: isMet(figure, goal) } : {}
  return { ...figure, goals: figure.goals.map(goal => ({ ...goal, text: goalText(goal, figure.unit), measuredRatio: ratioOf(figure, goal.of), ...judged(goal) })) }
}
