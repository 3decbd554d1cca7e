import { Command, CommanderError } from 'commander'
import { DrillError } from '../errors.js'
import type { LabDoor } from './lab-door.js'
import { addLoad } from './load.js'
import type { LoadDoor } from './load-door.js'
import { addDeciding } from './deciding.js'
import { addHalting } from './halting.js'
import { addOwed } from './owed.js'
import { addMachine } from './machine.js'
import { addPeople } from './people.js'
import { addRecorded } from './recorded.js'
import { addRunning } from './running.js'
import { addSmoke, type SmokeDoor } from './smoke.js'
import { complaintLines, complaintOf, type About } from './complaint.js'
import type { Shell } from './shell.js'

/** What the entry file wires beside the API: loaded only by the command that needs it. */
export interface Parts {
  /** Folder of what Muster keeps on this machine, `.muster`. */
  home: string
  version: string
  lab: () => Promise<LabDoor>
  /** Where a lab's alerts go, and the file with the key for it; undefined where this machine has none. */
  alerts: (apiUrl: string) => { url: string, credentialsFile: string } | undefined
  dev: (shell: Shell, options: { ports: 'usual' | 'free' }) => Promise<number>
  evidence: () => Promise<{ verify: (value: unknown) => { drillId: string, proven: string } }>
  load: () => Promise<LoadDoor>
  check: () => Promise<CheckFiles>
  /** The first admin of an installation, made beside its store. */
  firstAdmin: (options: { id: string, name?: string, recover?: boolean }) => Promise<FirstAdmin>
  smoke: () => Promise<SmokeDoor>
  entry: (name: 'migrate' | 'worker' | 'watchdog' | 'server') => Promise<void>
}

/** `made`: whether the key is a new one. The keys themselves stay in their files. */
export interface FirstAdmin { id: string, made: boolean, keyFile: string, alertKeyFile: string }

/** Validates files (all there are, if none is named); each problem is a line with file:line:col. */
export type CheckFiles = (files: string[]) => Promise<{ checked: string[], problems: string[] }>

/** Options that commander finds before and after any command. */
export interface GlobalOptions { url?: string, json?: boolean, color: boolean }

/** Makes a commander action of a function; a number that it returns is the exit code. */
export type Run = <Args extends unknown[]>(about: (...args: Args) => About, action: Action<Args>) => (...args: unknown[]) => Promise<void>
type Action<Args extends unknown[]> = (shell: Shell, ...args: Args) => Promise<number | void>

export interface Surroundings {
  parts: Parts
  /** Made once the global options are known. */
  shell: (options: GlobalOptions) => Shell
  /** For errors with a stack, `MUSTER_DEBUG=1`. */
  debug?: boolean
}

/**
 * Runs one command line.
 * @param argv without node and script
 * @returns the exit code (design.md, section 6); nothing is thrown
 */
export async function runCommand (argv: string[], { parts, shell: makeShell, debug }: Surroundings): Promise<number> {
  let exitCode = 0
  const about: { now: About } = { now: {} }
  const program = new Command('muster')
  let shell: Shell | undefined
  const shellNow = (): Shell => {
    shell ??= makeShell(program.opts<GlobalOptions>())
    return shell
  }
  const run: Run = <Args extends unknown[]>(tell: (...args: Args) => About, action: Action<Args>) => async (...all: unknown[]) => {
    // Commander hands over arguments, options, and the command itself.
    const args = all.slice(0, -1) as Args
    about.now = tell(...args)
    exitCode = await action(shellNow(), ...args) ?? exitCode
  }

  let usage: string | undefined
  program
    .description('Disaster-recovery drills that undo themselves, with a number that nobody can argue with')
    .version(parts.version)
    .option('--url <url>', 'where Muster’s API is (MUSTER_URL; default http://127.0.0.1:4400)')
    .option('--json', 'JSON for programs')
    .option('--no-color', 'no colours (NO_COLOR)')
    .showSuggestionAfterError()
    .helpCommand(false)
    .addHelpText('after', `
Exit codes: 0 passed, 1 failed, 2 usage, 3 aborted or refused, 4 contact lost (the drill goes on), 5 invalid
Key: MUSTER_KEY, or the file .muster/key that \`muster dev\` writes`)
  addRunning(program, run)
  addDeciding(program, run)
  addHalting(program, run)
  addOwed(program, run)
  addRecorded(program, run, parts)
  addSmoke(program, run, parts)
  addPeople(program, run, parts)
  addLoad(program, run, parts)
  addMachine(program, run, parts)
  everyCommand(program, command => {
    command.exitOverride()
    command.configureOutput({ writeErr: text => { usage = text }, writeOut: text => { shellNow().stdout.write(text) } })
  })

  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    const cause = error instanceof CommanderError ? usageError(error, usage) : error
    if (cause === undefined) return 0
    const complaint = complaintOf(cause, error instanceof CommanderError ? { command: wordsOf(argv, program) } : about.now)
    const { stderr, json } = shellNow()
    if (json) stderr.write(`${JSON.stringify({ error: { code: complaint.code, message: complaint.message, details: complaint.reasons, next: complaint.next } })}\n`)
    else for (const line of complaintLines(complaint)) stderr.write(`${line}\n`)
    if (debug && error instanceof Error) stderr.write(`${error.stack}\n`)
    return complaint.exitCode
  }
}

/** What commander found wrong, as an error of ours; undefined where it only printed help or the version. */
function usageError (error: CommanderError, written: string | undefined): DrillError | undefined {
  if (error.exitCode === 0) return undefined
  if (error.code === 'commander.help') return new DrillError('input.invalid', 'which command?')
  const text = (written ?? error.message).replace(/^error: /, '').trim().split('\n').join(' ')
  return new DrillError('input.invalid', text)
}

/** The command that was meant, for `muster COMMAND --help`. */
function wordsOf (argv: string[], program: Command): string | undefined {
  const first = program.commands.find(command => argv.includes(command.name()))
  if (!first) return undefined
  const second = first.commands.find(command => argv.includes(command.name()))
  return second ? `${first.name()} ${second.name()}` : first.name()
}

function everyCommand (command: Command, visit: (command: Command) => void): void {
  visit(command)
  for (const child of command.commands) everyCommand(child, visit)
}
