import { engine } from './engine.js'
import { failover } from './failover.js'
import { printLines, type Line } from './measure.js'
import { store } from './store.js'

// `npm run bench [-- engine|failover|store]`: figures beside their peers, measured in one run. A missed goal is told, not failed.

const benches: Record<string, (tell: (line: string) => void) => Promise<Line[]>> = { engine, failover, store }
const names = process.argv.slice(2)
const unknown = names.find(name => !(name in benches))
if (unknown !== undefined) {
  console.error(`bench: there is no "${unknown}"; there are ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}
const lines: Line[] = []
for (const [name, bench] of Object.entries(benches)) {
  if (names.length > 0 && !names.includes(name)) continue
  lines.push(...await bench(line => { console.error(`bench  ${line}`) }))
}
printLines(lines)
