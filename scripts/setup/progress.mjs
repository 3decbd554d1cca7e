// One line a step, with its seconds. What takes longer than two seconds says in between what it is doing.
const quiet = 2000

export async function step (name, work, { out = process.stdout } = {}) {
  const begin = performance.now()
  let shown = 0
  const tell = text => {
    const now = performance.now()
    // Another word at most every two seconds: on a terminal and in a log file alike, without cursor control.
    if (now - begin < quiet || now - shown < quiet) return
    shown = now
    out.write(`setup  ${name}: ${text()} (${Math.round((now - begin) / 1000)} s)\n`)
  }
  let doing = () => 'working'
  const timer = setInterval(() => tell(doing), 250)
  try {
    const detail = await work(text => { doing = typeof text === 'function' ? text : () => text })
    out.write(`setup  ${name}${detail ? ` (${detail})` : ''}  ${((performance.now() - begin) / 1000).toFixed(1)} s\n`)
  } finally {
    clearInterval(timer)
  }
}

export function share (done, total) {
  const mb = (done / 1e6).toFixed(0)
  return total ? `${Math.min(100, Math.floor(100 * done / total))} % of ${(total / 1e6).toFixed(0)} MB` : `${mb} MB`
}
