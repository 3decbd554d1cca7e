import type { Command } from 'commander'
import type { Run } from './program.js'
import { print, printJson } from './shell.js'
import { tableLines } from './table.js'
import { clean } from './text.js'

interface Halted { environment?: string, by: { name: string }, reason: string, atMs: number, liftAsked?: { by: { name: string }, reason: string } }

/** halt, resume, halts: the emergency stop. */
export function addHalting (program: Command, run: Run): void {
  const again = (env?: string): string => `muster resume${env === undefined ? '' : ` --env ${env}`} --reason "…"`

  program.command('halt').description('abort every drill and refuse new ones, until two people lift it')
    .requiredOption('--reason <text>', 'why; everybody who is refused reads it')
    .option('--env <name>', 'in this environment only (default: everywhere)')
    .action(run<[{ reason: string, env?: string }]>(() => ({ command: 'halt' }), async (shell, { reason, env }) => {
      const { outcome, halt } = await shell.api.post<{ outcome: string, halt: Halted }>('v1/halts', { reason, environment: env })
      if (shell.json) return printJson(shell, { outcome, halt })
      print(shell, outcome === 'already'
        ? `${shell.paint('magenta', '⊘')} it is halted already, by ${clean(halt.by.name)}: ${clean(halt.reason)}`
        : `${shell.paint('magenta', '⊘')} HALTED: every drill${env === undefined ? '' : ` on ${env.toUpperCase()}`} is being aborted and undone, new ones are refused`,
      '→ muster list --state running', `→ ${again(env)}`)
    }))

  program.command('resume').description('lift a halt: the first person asks, a second one lifts')
    .requiredOption('--reason <text>', 'why it may go on')
    .option('--env <name>', 'the halt of this environment (default: the one of everything)')
    .action(run<[{ reason: string, env?: string }]>(() => ({ command: 'resume' }), async (shell, { reason, env }) => {
      const { outcome } = await shell.api.post<{ outcome: string }>('v1/halts/lifting', { reason, environment: env })
      if (shell.json) return printJson(shell, { outcome })
      if (outcome === 'lifted') print(shell, `${shell.paint('green', '✓')} lifted: drills may start again`)
      else print(shell, `${shell.paint('green', '✓')} asked; it is halted still, until somebody else confirms`, `→ ${again(env)}`)
    }))

  program.command('halts').description('halts in force: who, why, since when')
    .action(run<[]>(() => ({ command: 'halts' }), async shell => {
      const answer = await shell.api.get<{ halts: Halted[] }>('v1/halts')
      if (shell.json) return printJson(shell, answer)
      if (answer.halts.length === 0) return print(shell, 'nothing is halted')
      print(shell, ...tableLines(['halted', 'by', 'since (UTC)', 'why', 'lifting'], answer.halts.map(halt => [
        halt.environment?.toUpperCase() ?? 'EVERYTHING', clean(halt.by.name), new Date(halt.atMs).toISOString().slice(0, 16).replace('T', ' '), clean(halt.reason),
        halt.liftAsked === undefined ? '' : `asked by ${clean(halt.liftAsked.by.name)}, one more confirms`,
      ]), shell.paint))
    }))
}
