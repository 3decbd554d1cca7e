import type { Command } from 'commander'
import type { OwedEntry } from '../drill/owed.js'
import type { Run } from './program.js'
import { print, printJson } from './shell.js'
import { clean } from './text.js'

/** owed, undo: what drills owe their environments. */
export function addOwed (program: Command, run: Run): void {
  program.command('owed').description('what any drill still owes, also one that Temporal has forgotten')
    .option('--env <name>', 'on this environment')
    .action(run<[{ env?: string }]>(() => ({ command: 'owed' }), async (shell, { env }) => {
      const answer = await shell.api.get<{ owed: OwedEntry[] }>('v1/owed', { environment: env })
      if (shell.json) return printJson(shell, answer)
      if (answer.owed.length === 0) return print(shell, `${shell.paint('green', '✓')} nothing is owed${env === undefined ? '' : ` on ${env.toUpperCase()}`}`)
      for (const one of answer.owed) {
        const left = one.state === 'left-behind'
        print(shell, `${left ? shell.paint(['red', 'bold'], '✗ LEFT BEHIND') : '↶ owed'} on ${one.environment.toUpperCase()}: ${clean(one.title)}${one.message === undefined ? '' : ` (${clean(one.message)})`}`,
          `  → ${left ? `muster undo ${one.drillId}` : `muster watch ${one.drillId}`}`, ...left ? [`  by hand: ${clean(one.byHand)}`] : [])
      }
    }))

  program.command('undo').argument('<ID>', 'drill').description('undo again what a drill that has ended still owes')
    .action(run<[string]>(id => ({ drillId: id }), async (shell, id) => {
      const { outcome, entries } = await shell.api.post<{ outcome: string, entries: number }>(`v1/drills/${encodeURIComponent(id)}/undo`, {})
      if (shell.json) return printJson(shell, { outcome, entries })
      print(shell, outcome === 'already' ? 'it is being undone already' : `${shell.paint('magenta', '↶')} undoing ${entries} ${entries === 1 ? 'entry' : 'entries'}, each until its verification passes`, '→ muster owed')
    }))
}
