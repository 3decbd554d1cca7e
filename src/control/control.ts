import type { Control } from '../drill/environment.js'
import { dockerController } from './docker.js'
import { processController } from './process.js'

/** `frozen` is alive: it takes no step now, and every step once it is thawed. */
export type ComponentState = 'running' | 'frozen' | 'dead'

export interface RunOptions {
  signal?: AbortSignal
  /** Default 60 s; the command and what it started are killed then (or left, where it outlives its caller). */
  timeoutMs?: number
  /** Of stdout and of stderr each; what is beyond is thrown away. Default 1 MiB. */
  maxOutputBytes?: number
  /** Added to the tool's environment. The only way to hand over a secret: arguments are public on a machine. */
  env?: Record<string, string>
  /**
   * Makes a command that must not be torn in the middle go on when the call is aborted, late, or its worker dies. The text is one
   * of its arguments: by the tool and this a later try finds it (`ended`), and waits for it before it runs one of its own.
   */
  outlives?: string
}

export interface RunResult {
  exitCode: number
  stdout: string
  stderr: string
  /** Output was thrown away. */
  truncated: boolean
}

/**
 * The hand on one component. Everything is idempotent and decides by looking, not by remembering. Errors: `control.refused`
 * (not on the allow-list, blocked, not provably ours), `control.failed` (it did not work, or could not be reached).
 */
export interface Controller {
  /** Runs an allow-listed command beside the component, without a shell. A non-zero exit code is a result, not an error. */
  run: (tool: string, args: string[], options?: RunOptions) => Promise<RunResult>
  /** Waits until no earlier run of a tool goes on that was to outlive its caller; default 10 min. How it ended, only the component tells. */
  ended: (tool: string, outlives: string, options?: { signal?: AbortSignal, timeoutMs?: number }) => Promise<void>
  /** SIGKILL of everything that the component consists of, returned once it is gone; `tree: false` takes its first process alone. */
  kill: (options?: { tree?: boolean }) => Promise<void>
  /** SIGSTOP of everything. Throws where there is nothing to freeze. */
  freeze: () => Promise<void>
  thaw: () => Promise<void>
  /** Returns once it is there (not: once it answers). A frozen one counts as there. Refuses a blocked one. */
  start: () => Promise<'started' | 'already'>
  /** The orderly stop: its signal, then waiting. Default 30 s. */
  stop: (options?: { timeoutMs?: number, signal?: AbortSignal }) => Promise<'stopped' | 'already'>
  state: () => Promise<ComponentState>
  /** Running or frozen. */
  alive: () => Promise<boolean>
  /** Prevents every start until `unblock`; says nothing about what runs. */
  block: () => Promise<void>
  unblock: () => Promise<void>
  blocked: () => Promise<boolean>
  /** Removes what an unclean death left (locks, sockets); refuses while anything of it lives. */
  clean: () => Promise<void>
  /** An empty file of the component's own user, such as `standby.signal`. */
  createFile: (path: string) => Promise<void>
  removeFile: (path: string) => Promise<void>
  hasFile: (path: string) => Promise<boolean>
}

export interface ControllerOptions {
  /**
   * A folder in which only this component's program works (PostgreSQL's data directory): by it a process is found that outlived
   * its killed parent. Of use to `process` alone; a container holds its processes by itself.
   */
  workDir?: string
}

/** The controller of a component; nothing is opened or asked yet. One implementation a kind; ssh would be the third. */
export function controlOf (control: Control, options: ControllerOptions = {}): Controller {
  switch (control.kind) {
    case 'process': return processController(control, options)
    case 'docker': return dockerController(control)
  }
}
