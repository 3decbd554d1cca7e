import { DrillError } from '../errors.js'
import { runCommand } from './command.js'

/** One way of a link whose packets are lost. */
export interface Loss {
  way: 'forth' | 'back'
  /** That the kernel has dropped since the rule is there. */
  dropped: number
}

export interface IptablesOptions {
  signal?: AbortSignal
  /** Its program. Default `iptables`. */
  program?: string
  /** As whom it is run. Default: as this process. */
  uid?: number
}

export interface Losing {
  /** Known by it, also when its port is not known any more: letters, digits, `.`, `:`, `_` and `-`. */
  name: string
  /** What whoever opens the connection asks. */
  port: number
  ways: Array<Loss['way']>
  /** Of the packets, each by chance. */
  percent: number
}

/**
 * Loses a part of the TCP packets to (`forth`) and from (`back`) a port of the loopback interface of this machine: rules of iptables that
 * match nothing but that port. What an earlier call of that name has set is replaced. Throws `link.noLoss` where the machine cannot.
 */
export async function losePackets (losing: Losing, options: IptablesOptions = {}): Promise<void> {
  await keepPackets(losing.name, options)
  for (const way of losing.ways) await iptables(['-I', 'INPUT', ...ruleOf(losing, way)], options)
}

/** Takes all of that away; where nothing is lost it does nothing. */
export async function keepPackets (name: string, options: IptablesOptions = {}): Promise<void> {
  for (const rule of await rulesOf(name, options)) await iptables(['-D', 'INPUT', ...rule.spec], options)
}

/** What is lost by that name now. */
export async function lossesOf (name: string, options: IptablesOptions = {}): Promise<Loss[]> {
  return (await rulesOf(name, options)).map(({ way, dropped }) => ({ way, dropped }))
}

/** Throws `link.noLoss` with the reason where this machine or this user cannot lose packets. Changes nothing. */
export async function canLosePackets (options: IptablesOptions = {}): Promise<void> {
  // A rule that is not there: the answer tells whether it could be.
  const { exitCode, stderr } = await run(['-C', 'INPUT', ...ruleOf({ name: 'muster', port: 1, percent: 50 }, 'forth')], options)
  if (exitCode !== 0 && !/does a matching rule exist/.test(stderr)) throw unable(stderr)
}

function ruleOf ({ name, port, percent }: Omit<Losing, 'ways'>, way: Loss['way']): string[] {
  return [
    '-i', 'lo', '-p', 'tcp', way === 'forth' ? '--dport' : '--sport', String(port),
    '-m', 'comment', '--comment', name, '-m', 'statistic', '--mode', 'random', '--probability', String(percent / 100), '-j', 'DROP',
  ]
}

/** `-v` puts the packets that a rule has matched before its end: `-A INPUT -i lo … --comment "NAME" … -c PACKETS BYTES -j DROP`. */
async function rulesOf (name: string, options: IptablesOptions): Promise<Array<Loss & { spec: string[] }>> {
  const text = await iptables(['-v', '-S', 'INPUT'], options)
  return text.split('\n').map(line => line.trim().split(/\s+/).map(word => word.replace(/^"(.*)"$/, '$1'))).filter(words => words[0] === '-A' && words.includes(name)).map(words => {
    const counted = words.indexOf('-c')
    return { way: words.includes('--dport') ? 'forth' : 'back', dropped: Number(words[counted + 1]), spec: [...words.slice(2, counted), ...words.slice(counted + 3)] }
  })
}

async function iptables (args: string[], options: IptablesOptions): Promise<string> {
  const { exitCode, stdout, stderr } = await run(args, options)
  if (exitCode !== 0) throw unable(stderr)
  return stdout
}

async function run (args: string[], { program = 'iptables', uid, signal }: IptablesOptions): Promise<{ exitCode: number, stdout: string, stderr: string }> {
  try {
    // Rules are changed one after another, whoever does it: it waits for its turn.
    return await runCommand(program, ['-w', '5', ...args], { uid, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } }, { signal, timeoutMs: 8_000 })
  } catch (error) {
    if (error instanceof DrillError && error.code === 'control.failed') throw unable(error.message)
    throw error
  }
}

function unable (because: string): DrillError {
  return new DrillError('link.noLoss', `packets cannot be lost on this machine: ${because.trim().split('\n')[0]!.slice(0, 300)}`)
}
