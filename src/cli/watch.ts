import { statusOf, type DrillStatus } from '../drill/status.js'
import type { DrillEvent } from '../drill/timeline.js'
import { exitCodeOf } from '../drill/verdict.js'
import { createAsking, type Asking } from './asking.js'
import type { Api } from './api.js'
import { endingOf } from './ending.js'
import { follow, type FollowOptions } from './follow.js'
import { lineOf } from './lines.js'
import { createScreen } from './screen.js'
import { print, type Shell } from './shell.js'
import { clean } from './text.js'
import { viewOf } from './view.js'

export interface WatchOptions {
  /** Findings fail too. */
  strict?: boolean
  /** On a terminal: ask at each gate that the holder of the key may answer. */
  ask?: boolean
  /** The API with the key that answers, where that is not the one that watches. */
  answerAs?: Api
  patienceMs?: number
  pauseMs?: number
}

/** After leaving by Ctrl-C as after losing contact: the drill goes on. */
export const drillGoesOn = 4

/**
 * Follows a drill to its end: in place on a terminal, a line per event elsewhere, JSON lines with `--json`.
 * @returns the exit code: the verdict's, or 4 where the watch was left
 * @throws DrillError `contact.lost`, `drill.unknown`, `auth.*`
 */
export async function watch (shell: Shell, drillId: string, options: WatchOptions = {}): Promise<number> {
  const leave = new AbortController()
  const release = shell.onInterrupt(() => { leave.abort() })
  try {
    const events: DrillEvent[] = []
    const followed: Follow = { drillId, events, leave, options: { signal: leave.signal, patienceMs: options.patienceMs, pauseMs: options.pauseMs } }
    if (shell.json) await asJson(shell, followed)
    else if (shell.stdout.isTTY) await inPlace(shell, followed, options)
    else await asLines(shell, followed)
    const status = statusOf(events)
    if (status?.verdict !== undefined) {
      if (!shell.json) print(shell, '', ...endingOf(status, events, { width: shell.stdout.isTTY ? shell.stdout.columns : 100, colour: shell.colour }))
      return exitCodeOf(status.verdict, options.strict)
    }
    if (!shell.json) print(shell, '', ...leaving(shell, drillId, status))
    return drillGoesOn
  } finally {
    release()
  }
}

interface Follow { drillId: string, events: DrillEvent[], leave: AbortController, options: FollowOptions }

function leaving (shell: Shell, drillId: string, status: DrillStatus | undefined): string[] {
  const owed = status?.ledger.filter(line => line.state !== 'undone' && line.state !== 'already').length ?? 0
  return [
    shell.paint('bold', ' You left the watch. The drill goes on.'),
    `   come back   muster watch ${drillId}`,
    `   stop it     muster abort ${drillId} --reason "…"${owed > 0 ? `   (undoes ${owed === 1 ? 'its one change' : `its ${owed} changes`})` : ''}`,
  ]
}

async function asJson (shell: Shell, { drillId, events, options }: Follow): Promise<void> {
  for await (const followed of follow(shell.api, drillId, options)) {
    if (followed.kind !== 'event') continue
    events.push(followed.event)
    print(shell, JSON.stringify(followed.event))
  }
}

async function asLines (shell: Shell, { drillId, events, options }: Follow): Promise<void> {
  let told = false
  let progressAtMs = 0
  for await (const followed of follow(shell.api, drillId, options)) {
    if (followed.kind === 'event') {
      events.push(followed.event)
      print(shell, lineOf(followed.event, drillId, shell.paint))
    } else if (followed.kind === 'progress') {
      if (Date.now() - progressAtMs < progressEveryMs) continue
      progressAtMs = Date.now()
      print(shell, shell.paint('dim', `${' '.repeat(9)} ≈ ${followed.progress.step}: ${clean(followed.progress.text)}`))
    } else if (followed.lostSinceMs === undefined ? told : !told && Date.now() - followed.lostSinceMs > lostAfterMs) {
      told = followed.lostSinceMs !== undefined
      shell.stderr.write(told ? 'muster: no contact with Muster, trying again; the drill goes on\n' : 'muster: contact is back\n')
    }
  }
}

/** Where each line stays, how far a step is need not be told as often as it is heard. */
const progressEveryMs = 10_000

/** A connection that is made anew at once is no news. */
const lostAfterMs = 2000

async function inPlace (shell: Shell, { drillId, events, leave, options }: Follow, { ask, answerAs }: WatchOptions): Promise<void> {
  const { stdout } = shell
  const screen = createScreen(stdout)
  const progress = new Map<string, string>()
  let status: DrillStatus | undefined
  let lostSinceMs: number | undefined
  let aheadMs = 0
  let asking: Asking | undefined
  const draw = (): void => {
    if (!status) return
    const now = Date.now() + aheadMs
    const lost = lostSinceMs !== undefined && Date.now() - lostSinceMs > lostAfterMs ? lostSinceMs + aheadMs : undefined
    const tail = asking?.lines(status, stdout.columns) ?? []
    const foot = tail.length > 0 ? ['', ...tail] : ['', shell.paint('dim', ' Ctrl-C leaves the watch; the drill goes on')]
    const height = Math.max(6, stdout.rows - 1 - foot.length)
    screen.draw([...viewOf(status, { now, width: stdout.columns, height, colour: shell.colour, lostSinceMs: lost, progress }), ...foot])
  }
  if (ask && shell.stdin?.isTTY) asking = await createAsking({ shell, api: answerAs ?? shell.api, drillId, changed: draw, interrupt: () => { leave.abort() } })
  let soon: NodeJS.Timeout | undefined
  // A drill that is replayed brings hundreds of events at once: one picture is enough.
  const drawSoon = (): void => { soon ??= setTimeout(() => { soon = undefined; draw() }, 40) }
  const clock = setInterval(draw, 250)
  const restore = (): void => { screen.close() }
  process.once('exit', restore)
  const unsize = stdout.onResize?.(draw)
  try {
    for await (const followed of follow(shell.api, drillId, options)) {
      if (followed.kind === 'event') {
        events.push(followed.event)
        status = statusOf(events)
        if (status) asking?.look(status)
      } else if (followed.kind === 'progress') {
        progress.set(followed.progress.step, followed.progress.text)
      } else {
        lostSinceMs = followed.lostSinceMs
        // The header has whole seconds: a smaller difference is not known.
        if (followed.aheadMs !== undefined) aheadMs = Math.abs(followed.aheadMs) > 2000 ? followed.aheadMs : 0
      }
      drawSoon()
    }
  } finally {
    clearInterval(clock)
    clearTimeout(soon)
    unsize?.()
    asking?.close()
    if (status) screen.draw(viewOf(status, { now: Date.now() + aheadMs, width: stdout.columns, colour: shell.colour }))
    screen.close()
    process.off('exit', restore)
  }
}
