import { posix } from 'node:path'
import { DrillError } from '../errors.js'
import type { DockerControl } from '../drill/environment.js'
import type { ComponentState, Controller, RunOptions, RunResult } from './control.js'
import { dockerEngine, type Engine } from './docker-engine.js'
import { until } from './until.js'

/** What is read of a container. */
interface Container {
  Id: string
  Name: string
  Image: string
  State: { Running: boolean, Paused: boolean }
  Config: { User: string, Env: string[] | null, WorkingDir: string }
  HostConfig: { NetworkMode: string, RestartPolicy: { Name: string, MaximumRetryCount: number } }
}

const deathMs = 10_000

/**
 * A blocked container has this in its name, with the restart policy that it will get back: `db.blocked.always`. So it needs no
 * label, is plain to whoever looks, survives the engine, and `docker start db` finds nothing.
 */
const blockedName = /^(.+)\.blocked\.(no|always|unless-stopped|on-failure)(?:\.(\d+))?$/

/**
 * A component that is one container, found by its labels at each call. The engine's 304, 409, 500 and 403 may mean "already so":
 * what counts is what an inspection says.
 */
export function dockerController (control: DockerControl): Controller {
  const engine = dockerEngine(control.socket ?? '/var/run/docker.sock')
  const what = Object.entries(control.labels).map(([key, value]) => `${key}=${value}`).join(',')

  async function container (): Promise<Container> {
    const filters = encodeURIComponent(JSON.stringify({ label: what.split(',') }))
    const found = await engine.json<Array<{ Id: string }>>('GET', `/containers/json?all=true&filters=${filters}`)
    if (found.length === 0) throw new DrillError('control.failed', `No container has the labels ${what}`)
    if (found.length > 1) throw new DrillError('control.refused', `${found.length} containers have the labels ${what}: exactly one must`)
    return engine.json<Container>('GET', `/containers/${found[0]!.Id}/json`)
  }

  function stateOf ({ State }: Container): ComponentState {
    return State.Paused ? 'frozen' : State.Running ? 'running' : 'dead'
  }

  /** Asks the engine for something, and believes an inspection alone. */
  async function change (path: (id: string) => string, isSo: (now: ComponentState) => boolean): Promise<void> {
    const { Id } = await container()
    const answer = await engine.request('POST', path(`/containers/${Id}`))
    const so = await until(async () => isSo(stateOf(await container())) || undefined, { everyMs: 10, deadlineMs: answer.status < 300 ? deathMs : 0 })
    if (!so) throw new DrillError('control.failed', `Container ${what}: the engine answered ${answer.status} to ${path('')}: ${answer.text.slice(0, 300)}`)
  }

  function isBlockedName (name: string): boolean {
    return blockedName.test(name)
  }

  async function run (name: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
    const tool = control.tools && Object.hasOwn(control.tools, name) ? control.tools[name] : undefined
    if (!tool) throw new DrillError('control.refused', `"${name}" is not among the tools of container ${what} (${Object.keys(control.tools ?? {}).join(', ') || 'none'})`)
    if (options.outlives !== undefined) await ended(name, options.outlives, options)
    return execute(tool.path, args, { ...options, env: { ...tool.env, ...options.env } })
  }

  /** What runs beside the container belongs to the engine and goes on by itself; its name says which tool it is. */
  async function ended (name: string, _outlives: string, { signal, timeoutMs = 10 * 60_000 }: { signal?: AbortSignal, timeoutMs?: number } = {}): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs)
    const path = control.tools && Object.hasOwn(control.tools, name) ? control.tools[name]!.path : name
    const answer = await engine.request('POST', `/containers/${besideName(await container(), path)}/wait?condition=not-running`, undefined, signal ? AbortSignal.any([signal, deadline]) : deadline)
    if (answer.status !== 200 && answer.status !== 404) throw new DrillError('control.failed', `The engine answered ${answer.status} when asked whether ${name} goes on`)
  }

  /** In the container while it runs; beside it, with its image, volumes and networks, while it is dead. */
  async function execute (path: string, args: string[], options: RunOptions): Promise<RunResult> {
    const now = await container()
    if (stateOf(now) === 'frozen') throw new DrillError('control.failed', `Container ${what} is frozen: nothing can be run in it`)
    const { timeoutMs = 60_000, signal, maxOutputBytes = 1024 * 1024, env = {} } = options
    const deadline = AbortSignal.timeout(timeoutMs)
    const both = signal ? AbortSignal.any([signal, deadline]) : deadline
    const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`)
    try {
      return stateOf(now) === 'running'
        ? await inside(engine, now, [path, ...args], variables, maxOutputBytes, both)
        : await beside(engine, now, [path, ...args], variables, maxOutputBytes, both, options.outlives !== undefined)
    } catch (error) {
      if (deadline.aborted && !signal?.aborted) throw new DrillError('control.failed', `${path} did not end within ${timeoutMs} ms`, { cause: error })
      throw error
    }
  }

  /** A small program of every image; not on the allow-list because its arguments are ours. */
  async function must (path: string, args: string[]): Promise<void> {
    const result = await execute(path, args, {})
    if (result.exitCode !== 0) throw new DrillError('control.failed', `${path} in container ${what}: ${(result.stderr || result.stdout).slice(0, 300)}`)
  }

  return {
    run,
    ended,
    state: async () => stateOf(await container()),
    alive: async () => stateOf(await container()) !== 'dead',
    // The death of a container's first process is the death of all of it: there is no smaller kill.
    kill: async () => change(path => `${path}/kill?signal=SIGKILL`, now => now === 'dead'),
    freeze: async () => change(path => `${path}/pause`, now => now === 'frozen'),
    async thaw () {
      if (stateOf(await container()) === 'frozen') await change(path => `${path}/unpause`, now => now === 'running')
    },
    async start () {
      const now = await container()
      if (stateOf(now) !== 'dead') return 'already'
      if (isBlockedName(now.Name)) throw new DrillError('control.refused', `Container ${now.Name} is blocked: nobody may start it`)
      await change(path => `${path}/start`, state => state !== 'dead')
      return 'started'
    },
    async stop ({ timeoutMs = 30_000 } = {}) {
      if (stateOf(await container()) === 'dead') return 'already'
      // The engine itself turns a stop that lasts too long into a kill.
      await change(path => `${path}/stop?t=${Math.ceil(timeoutMs / 1000)}`, now => now === 'dead')
      return 'stopped'
    },
    async block () {
      const { Id, Name, HostConfig: { RestartPolicy } } = await container()
      if (!isBlockedName(Name)) {
        const policy = RestartPolicy.Name || 'no'
        const retries = policy === 'on-failure' && RestartPolicy.MaximumRetryCount > 0 ? `.${RestartPolicy.MaximumRetryCount}` : ''
        // The name first: killed in between, the policy can still be read from it.
        await engine.must('POST', `/containers/${Id}/rename?name=${encodeURIComponent(`${Name.slice(1)}.blocked.${policy}${retries}`)}`)
      }
      await engine.must('POST', `/containers/${Id}/update`, { RestartPolicy: { Name: 'no' } })
    },
    async unblock () {
      const { Id, Name } = await container()
      const match = blockedName.exec(Name.slice(1))
      if (!match) return
      await engine.must('POST', `/containers/${Id}/update`, { RestartPolicy: { Name: match[2], MaximumRetryCount: Number(match[3] ?? 0) } })
      await engine.must('POST', `/containers/${Id}/rename?name=${encodeURIComponent(match[1]!)}`)
    },
    blocked: async () => isBlockedName((await container()).Name),
    async clean () {
      if (stateOf(await container()) !== 'dead') throw new DrillError('control.refused', `Container ${what} still lives, its lock files stay`)
    },
    createFile: async path => must('touch', [path]),
    removeFile: async path => must('rm', ['-f', path]),
    async hasFile (path) {
      const { Id } = await container()
      const answer = await engine.request('HEAD', `/containers/${Id}/archive?path=${encodeURIComponent(posix.normalize(path))}`)
      if (answer.status === 200) return true
      if (answer.status === 404) return false
      throw new DrillError('control.failed', `Container ${what}: the engine answered ${answer.status} when asked for ${path}`)
    },
  }
}

async function inside (engine: Engine, { Id }: Container, command: string[], env: string[], maxBytes: number, signal: AbortSignal): Promise<RunResult> {
  const exec = await engine.json<{ Id: string }>('POST', `/containers/${Id}/exec`, { Cmd: command, Env: env, AttachStdout: true, AttachStderr: true })
  const output = await engine.frames('POST', `/exec/${exec.Id}/start`, { Detach: false, Tty: false }, maxBytes, signal)
  // The output may end a moment before the engine knows the code.
  const exitCode = await until(async () => (await engine.json<{ ExitCode: number | null }>('GET', `/exec/${exec.Id}/json`)).ExitCode ?? undefined,
    { everyMs: 10, deadlineMs: deathMs, signal })
  if (exitCode === undefined) throw new DrillError('control.failed', `${command[0]} closed its output and did not end`)
  return { ...output, exitCode }
}

/** Its name is the container's and the program's: two can never run at once, and what is left of an ended one is removed first. */
async function beside (engine: Engine, now: Container, command: string[], env: string[], maxBytes: number, signal: AbortSignal, outlives: boolean): Promise<RunResult> {
  const { Id, Image, Config, HostConfig } = now
  const name = besideName(now, command[0]!)
  await engine.request('DELETE', `/containers/${name}?force=true`)
  const created = await engine.json<{ Id: string }>('POST', `/containers/create?name=${encodeURIComponent(name)}`, {
    Image, Entrypoint: command.slice(0, 1), Cmd: command.slice(1), User: Config.User, Env: [...Config.Env ?? [], ...env], WorkingDir: Config.WorkingDir,
    Labels: { 'muster.beside': Id },
    HostConfig: { VolumesFrom: [Id], NetworkMode: HostConfig.NetworkMode },
  })
  try {
    await engine.must('POST', `/containers/${created.Id}/start`)
    const ended = await engine.json<{ StatusCode: number }>('POST', `/containers/${created.Id}/wait?condition=not-running`, undefined, signal)
    const output = await engine.frames('GET', `/containers/${created.Id}/logs?stdout=true&stderr=true`, undefined, maxBytes, signal)
    return { ...output, exitCode: ended.StatusCode }
  } finally {
    if (!outlives || !signal.aborted) await engine.request('DELETE', `/containers/${created.Id}?force=true`)
  }
}

function besideName ({ Name }: Container, path: string): string {
  return `${blockedName.exec(Name.slice(1))?.[1] ?? Name.slice(1)}.muster-${posix.basename(path)}`
}
