import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createApi } from './cli/api.js'
import { paintOf } from './cli/paint.js'
import { print, type Shell } from './cli/shell.js'
import { terminalOf } from './cli/terminal.js'
import { watch } from './cli/watch.js'
import { startDev } from './dev/dev.js'
import type { Person } from './drill/people.js'
import type { DrillStatus } from './drill/status.js'
import { DrillError } from './errors.js'
import { labDown, labUp } from './lab/lab.js'
import { startLocalSlack, type LocalSlack } from './lab/slack/local-slack.js'

// `npm run demo`: a private Muster, a lab, and one drill of the database's primary, from nothing to a report. On a terminal it stops
// at the gate and asks; elsewhere a second demo person approves after a moment. It ends with the verdict's exit code.

/** The people of the demo: who starts the drill, and who answers at the gate. */
const people: Person[] = [
  { id: 'ana', name: 'Ana (commander)', roles: ['commander'] },
  { id: 'ben', name: 'Ben (approver)', roles: ['approver'] },
]

/** How long the second demo person thinks, where nobody is at the terminal, ms. */
const thinkingMs = 2000

/** Of the small Slack of `--slack`; it listens on loopback, and ends with the demo. */
const slackChannel = 'C0DRILLS'
const slackUsers = [{ id: 'U0BEN', name: 'Ben (approver)' }, { id: 'U0ANA', name: 'Ana (commander)' }, { id: 'U0STRANGER', name: 'A stranger' }]

const usage = 'usage: npm run demo [-- [--slack] PARAMETER=VALUE…], e.g. npm run demo -- fault=freeze'

/** @returns the exit code */
async function demo (args: string[]): Promise<number> {
  const params = paramsOf(args.filter(arg => arg !== '--slack'))
  const root = resolve(process.env.MUSTER_HOME || '.muster', 'demo')
  const terminal = terminalOf(process)
  const colour = terminal.stdout.isTTY && !process.env.NO_COLOR
  const paint = paintOf(colour)
  const say = (line: string): void => { terminal.stdout.write(`${line}\n`) }
  const releases: Array<() => Promise<void>> = []
  const stop = new AbortController()
  const unhook = terminal.onInterrupt(() => { stop.abort() })
  const begin = Date.now()
  try {
    // What a demo that was killed left behind: its lab, and a drill that still waits for somebody.
    await labDown(root, 'lab')
    say(paint('bold', 'Muster itself'))
    const slack = args.includes('--slack') ? await startSlack() : undefined
    if (slack) releases.push(slack.stop)
    const dev = await startDev({ root, ports: 'free', fresh: true, people, env: slack?.env, onProgress: line => { say(`  ${line}`) } })
    releases.push(dev.stop)
    if (slack) {
      slack.connect(dev.apiUrl)
      const admin = createApi(dev.apiUrl, dev.adminKey)
      for (const { id } of people) await admin.put(`/v1/people/${id}/slack`, { user: `U0${id.toUpperCase()}` })
      say(`  slack     ${slack.url}   the channel, as a page: click, or type /drill status`)
    }

    say(paint('bold', '\nThe lab: a small real production, about to be broken'))
    releases.push(async () => { await labDown(root, 'lab') })
    const lab = await labUp({ root, synchronous: true, webhook: { url: `${dev.apiUrl}/v1/alerts`, credentialsFile: join(root, 'alertmanager.key') }, onProgress: line => { say(`  ${line}`) } })

    const shellFor = (id: string): Shell => ({ ...terminal, json: false, colour, paint, api: createApi(dev.apiUrl, dev.keys[id]!) })
    const ana = shellFor('ana')
    const ben = createApi(dev.apiUrl, dev.keys.ben!)
    say(paint('bold', '\nThe drill: the database’s primary dies under load'))
    say(`  reference ${dev.apiUrl}/docs   Temporal ${dev.temporalUi ?? dev.temporalAddress}   shop ${lab.environment.api!.url}\n`)
    if (stop.signal.aborted) return interrupted
    const { drillId } = await ana.api.post<{ drillId: string }>('/v1/drills', { runbook: 'database-primary-failure', environment: lab.name, params })
    const approving = terminal.stdin?.isTTY && terminal.stdout.isTTY ? undefined : slack ? approveInSlack(slack, ben, drillId, stop.signal) : approve(ben, drillId, stop.signal)
    const code = await watch(ana, drillId, { ask: true, answerAs: ben })
    await approving
    if (code !== interrupted) await keepReport(ana, drillId, root)
    say(paint('dim', `\n${((Date.now() - begin) / 1000).toFixed(0)} s from nothing to the verdict. Everything is stopped now; \`muster dev\` and \`muster lab up\` keep it.`))
    return code
  } finally {
    unhook()
    for (const release of releases.reverse()) await release()
  }
}

const interrupted = 4

/** Waits for the gate as a person would see it, thinks, approves. */
async function approve (api: Shell['api'], drillId: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { status } = await api.get<{ status?: DrillStatus }>(`/v1/drills/${drillId}`).catch(() => ({ status: undefined }))
    if (status?.phase === 'ended') return
    const gate = status?.waitingFor.find(waiting => waiting.kind === 'gate')
    await new Promise(resolve => setTimeout(resolve, gate ? thinkingMs : 200))
    if (!gate) continue
    await api.post(`/v1/drills/${drillId}/gates/${gate.step}/decision`, { answer: 'approve', reason: 'the demo’s second person saw the alert' }).catch(() => undefined)
    return
  }
}

async function startSlack (): Promise<LocalSlack & { env: Record<string, string> }> {
  const [token, signingSecret] = [`xoxb-${randomUUID()}`, randomUUID()]
  const slack = await startLocalSlack({ token, signingSecret, channels: [{ id: slackChannel, name: 'drills' }], users: slackUsers })
  return { ...slack, env: { MUSTER_SLACK_TOKEN: token, MUSTER_SLACK_SIGNING_SECRET: signingSecret, MUSTER_SLACK_CHANNEL: slackChannel, MUSTER_SLACK_API_URL: slack.apiUrl } }
}

/** The same through the gate's button, as soon as it is in the channel; where somebody on the page was quicker, theirs counts. */
async function approveInSlack (slack: LocalSlack, api: Shell['api'], drillId: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const gate = slack.workspace.messages.find(({ blocks }) => blocks.some(block => String(block['block_id']).startsWith('gate:')))
    await new Promise(resolve => setTimeout(resolve, gate ? thinkingMs : 200))
    if (gate) {
      if (gate.blocks.some(block => String(block['block_id']).startsWith('gate:'))) await slack.app.click('U0BEN', gate, 'gate.approve')
      return
    }
    const { status } = await api.get<{ status?: DrillStatus }>(`/v1/drills/${drillId}`).catch(() => ({ status: undefined }))
    if (status?.phase === 'ended') return
  }
}

async function keepReport (shell: Shell, drillId: string, root: string): Promise<void> {
  for (const format of ['html', 'md', 'json'] as const) {
    const file = join(root, `${drillId}.${format}`)
    writeFileSync(file, await shell.api.text(`/v1/drills/${drillId}/report?format=${format}`))
    if (format === 'html') print(shell, '', ` the report   ${file}`)
  }
}

function paramsOf (args: string[]): Record<string, string> {
  return Object.fromEntries(args.map(arg => {
    const [name, ...value] = arg.split('=')
    if (!name || value.length === 0) throw new DrillError('input.invalid', `"${arg}" is no PARAMETER=VALUE; ${usage}`)
    return [name, value.join('=')]
  }))
}

try {
  process.exitCode = await demo(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof DrillError)) throw error
  process.stderr.write(`demo: ${error.message} (${error.code})\n`)
  process.exitCode = error.status >= 500 ? 1 : 2
}
