// One line a step, with its seconds. What takes longer than two seconds says in between what it is doing: on a
// terminal in one line at the bottom, in a log at every new stage and every ten seconds, without cursor control.
const quiet = 2000
const repeat = 10_000

const running = new Set()
let drawn = false

/** `work` gets `tell(stage, detail)`; what it returns stands in the closing line. */
export async function step (name, work, out = process.stdout) {
  const begin = performance.now()
  const self = { name, begin, stage: 'starting', detail: () => '' }
  const timer = setInterval(out.isTTY ? () => draw(out) : () => log(self, out), 250)
  running.add(self)
  let result
  try {
    result = await work((stage, detail = () => '') => Object.assign(self, { stage, detail }))
  } finally {
    clearInterval(timer)
    running.delete(self)
    erase(out)
  }
  out.write(`setup  ${name}${result ? ` (${result})` : ''}  ${seconds(begin)}\n`)
}

function log (self, out) {
  const now = performance.now()
  const since = now - (self.shown ?? self.begin)
  if (since < quiet || (self.stage === self.shownStage && since < repeat)) return
  Object.assign(self, { shown: now, shownStage: self.stage })
  out.write(`setup  ${describe(self)}\n`)
}

function draw (out) {
  const slow = [...running].filter(({ begin }) => performance.now() - begin > quiet)
  if (slow.length === 0) return
  const line = `setup  ${slow.map(describe).join('; ')}`
  out.write(`\r\x1b[K${line.slice(0, (out.columns || 80) - 1)}`)
  drawn = true
}

function erase (out) {
  if (drawn) out.write('\r\x1b[K')
  drawn = false
}

function describe ({ name, stage, detail, begin }) {
  const more = detail()
  return `${name}: ${stage}${more ? `, ${more}` : ''} … ${seconds(begin)}`
}

function seconds (begin) {
  return `${((performance.now() - begin) / 1000).toFixed(1)} s`
}

export function share (done, total) {
  const all = total / 1e6
  return total ? `${Math.min(100, Math.floor(100 * done / total))} % of ${all.toFixed(all < 10 ? 1 : 0)} MB` : `${(done / 1e6).toFixed(0)} MB`
}
