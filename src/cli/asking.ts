import { randomUUID } from 'node:crypto'
import { clockText } from '../drill/duration.js'
import type { Role } from '../drill/people.js'
import type { DrillStatus, Waiting } from '../drill/status.js'
import { messageOf } from '../errors.js'
import type { Api } from './api.js'
import { createEditor, replyOf } from './ask.js'
import type { Shell } from './shell.js'
import { clean, clip, columns } from './text.js'

/** The question below the view while a gate waits that this person may answer. */
export interface Asking {
  look: (status: DrillStatus) => void
  lines: (status: DrillStatus, width: number) => string[]
  close: () => void
}

export interface AskingOptions {
  shell: Shell
  /** With the key that answers. */
  api: Api
  drillId: string
  changed: () => void
  interrupt: () => void
}

export async function createAsking ({ shell, api, drillId, changed, interrupt }: AskingOptions): Promise<Asking> {
  const me = await api.get<{ id: string, name: string, roles: Role[] }>('v1/me').catch(() => undefined)
  const editor = createEditor()
  const done = new Set<string>()
  let gate: Waiting | undefined
  let why = false
  let said: string | undefined

  const may = (status: DrillStatus, waiting: Waiting): boolean =>
    waiting.kind === 'gate' && !done.has(waiting.step) && (me === undefined || (me.id !== status.commander.id && waiting.roles.some(role => me.roles.includes(role))))

  const send = async (step: string, answer: 'approve' | 'reject', reason: string | undefined): Promise<void> => {
    done.add(step)
    said = 'sending …'
    try {
      await api.post(`v1/drills/${encodeURIComponent(drillId)}/gates/${encodeURIComponent(step)}/decision`, { answer, reason, key: randomUUID() })
      said = undefined
    } catch (error) {
      said = `not counted: ${clean(messageOf(error))}`
    }
    changed()
  }

  const answer = (line: string): void => {
    if (!gate) return
    const reply = replyOf(line, why ? 'why' : 'approve')
    said = undefined
    if (reply.kind === 'later') said = why ? 'nothing was sent' : 'y approves; n, or a reason against it, rejects'
    else if (reply.kind !== 'why') send(gate.step, reply.kind, reply.reason).catch(() => {})
    why = reply.kind === 'why'
  }

  const giveBack = shell.stdin?.onKeys(keys => {
    const { line, interrupt: stop } = editor.feed(keys)
    if (stop) interrupt()
    else if (line !== undefined) answer(line)
    changed()
  })

  return {
    look (status) {
      const open = status.waitingFor.find(waiting => may(status, waiting))
      if (open?.step !== gate?.step) {
        // What was typed for one gate never answers the next one.
        editor.clear()
        why = false
        if (open) said = undefined
      }
      gate = open
    },
    lines (status, width) {
      const note = said === undefined ? [] : [shell.paint('dim', clip(` ${said}`, width))]
      const waiting = gate && !done.has(gate.step) ? status.waitingFor.find(one => one.step === gate!.step) : undefined
      if (!waiting) return note
      const left = clockText(waiting.deadlineAtMs - Date.now())
      const question = why ? ' Why not? (it goes into the report) ' : ` ${clip(clean(waiting.title), Math.max(10, width - 50))}: approve? [y/N/reason] ${left} `
      // Of a long line its end is shown: that is where one types.
      const typed = [...clean(editor.text)].slice(-Math.max(1, width - columns(question) - 2)).join('')
      return [...note, `${shell.paint(['yellow', 'bold'], question)}${typed}${shell.paint('inverse', ' ')}`]
    },
    close () { giveBack?.() },
  }
}
