import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import type { Run } from './program.js'
import { print, printJson } from './shell.js'

const drillPath = (id: string): string => `v1/drills/${encodeURIComponent(id)}`

/** What people say to a drill that runs: approve, reject, done, note, declare, abort. */
export function addDeciding (program: Command, run: Run): void {
  const decide = (answer: 'approve' | 'reject') => run<[string, string, { reason?: string }]>(id => ({ drillId: id }), async (shell, id, gate, { reason }) => {
    const result = await shell.api.post<{ outcome: string, missing?: number }>(`${drillPath(id)}/gates/${encodeURIComponent(gate)}/decision`, { answer, reason, key: randomUUID() })
    if (shell.json) return printJson(shell, result)
    if (result.outcome === 'undecided') print(shell, `${shell.paint('green', '✓')} counted; ${result.missing ?? 1} more ${result.missing === 1 ? 'approval is' : 'approvals are'} needed`)
    else print(shell, result.outcome === 'approved' ? `${shell.paint('green', '✓')} approved: the drill goes on` : `${shell.paint('magenta', '⊘')} rejected: the drill undoes what it did`)
  })
  program.command('approve').argument('<ID>', 'drill').argument('<GATE>', 'step id of the gate').description('approve a gate that waits for you')
    .option('--reason <text>', 'goes into the report').action(decide('approve'))
  program.command('reject').argument('<ID>', 'drill').argument('<GATE>', 'step id of the gate').description('reject a gate: the drill ends and undoes what it did')
    .requiredOption('--reason <text>', 'why; goes into the report').action(decide('reject'))

  program.command('done').argument('<ID>', 'drill').argument('<TASK>', 'step id of the task').description('confirm that you did a task')
    .option('--note <text>', 'what you saw')
    .action(run<[string, string, { note?: string }]>(id => ({ drillId: id }), async (shell, id, task, { note }) => {
      const result = await shell.api.post(`${drillPath(id)}/tasks/${encodeURIComponent(task)}/confirmation`, { note, key: randomUUID() })
      if (shell.json) return printJson(shell, result)
      print(shell, `${shell.paint('green', '✓')} ${task} is done`)
    }))

  program.command('note').argument('<ID>', 'drill').argument('<TEXT...>', 'what to write down').description('write something into the timeline')
    .action(run<[string, string[]]>(id => ({ drillId: id }), async (shell, id, words) => {
      const result = await shell.api.post<{ seq?: number }>(`${drillPath(id)}/notes`, { text: words.join(' ') })
      if (shell.json) return printJson(shell, result)
      print(shell, `${shell.paint('green', '✓')} written down`)
    }))

  program.command('declare').argument('<ID>', 'drill').description('say that there is an outage: counts as detection')
    .option('--note <text>', 'what you saw')
    .action(run<[string, { note?: string }]>(id => ({ drillId: id }), async (shell, id, { note }) => {
      const result = await shell.api.post<{ outcome: string }>(`${drillPath(id)}/declaration`, { note })
      if (shell.json) return printJson(shell, result)
      print(shell, `${shell.paint('green', '✓')} ${result.outcome === 'already' ? 'the outage was declared already' : 'outage declared'}`)
    }))

  program.command('abort').argument('<ID>', 'drill').description('stop a drill: it undoes what it did, and says what it could not')
    .requiredOption('--reason <text>', 'why; goes into the report')
    .action(run<[string, { reason: string }]>(id => ({ drillId: id }), async (shell, id, { reason }) => {
      const result = await shell.api.post<{ outcome: string }>(`${drillPath(id)}/abort`, { reason })
      if (shell.json) return printJson(shell, result)
      print(shell, `${shell.paint('magenta', '⊘')} ${result.outcome === 'already' ? 'it is being aborted already' : 'aborting: everything is being undone'}`, `→ muster watch ${id}`)
    }))
}
