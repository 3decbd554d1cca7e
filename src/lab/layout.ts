import type { Tool, Tools } from '../tools.js'
import type { ProcessControl } from '../drill/environment.js'

/** The unprivileged user of the servers, where the lab is started as root (PostgreSQL refuses root). */
export interface LabUser { uid: number, gid: number }

/** Every port of a lab, by what answers there. All on 127.0.0.1. */
export type Ports = Record<typeof portNames[number], number>

/** In the order of their numbers: a lab takes one run of consecutive ports. */
export const portNames = [
  'https', 'http', 'api1', 'api2', 'database', 'haproxyStats', 'pg1', 'pg2', 'redis1', 'redis2', 'toxiproxy',
  'apiToDatabase', 'apiToRedis', 'pg1ToPg2', 'pg2ToPg1', 'redis1ToRedis2', 'redis2ToRedis1',
  'prometheus', 'alertmanager', 'pg1Exporter', 'pg2Exporter', 'redis1Exporter', 'redis2Exporter', 'alertReceiver', 'nodeExporter',
] as const

/** Ports of the spare, behind those of its lab. */
const sparePortNames = ['https', 'http', 'api1', 'api2', 'database', 'haproxyStats', 'pg1', 'redis1'] as const

/** Of a lab's servers those that the spare has, too, under ports of its own. */
export function sparePorts (ports: Pick<Ports, 'https'>): Pick<Ports, typeof sparePortNames[number]> {
  return Object.fromEntries(sparePortNames.map((name, index) => [name, ports.https + portNames.length + index])) as Pick<Ports, typeof sparePortNames[number]>
}

export function spareRoot (base: string): string {
  return `${base}/spare`
}

export const nodeNames = ['pg1', 'pg2'] as const
export type NodeName = typeof nodeNames[number]

/** What a server's configuration is made from. */
export interface Layout {
  name: string
  /** Folder of everything that the servers read and write. */
  base: string
  ports: Ports
  tools: Tools
  user?: LabUser
  synchronous: boolean
  /** Whether the first node's data and WAL, the logs and the backups lie on file systems of their own. */
  volumes: boolean
  dataDirs: Record<NodeName, string>
  /** Where Alertmanager delivers; `credentialsFile` lies in the base, readable by the lab's user. */
  webhook: { url: string, credentialsFile?: string }
  /** Of pgBackRest's repository. It stands in pgBackRest's configuration alone, never in a control, an argument or an environment. */
  passphrase: string
  /** The node whose server the database endpoint leads to at start. */
  primary: NodeName
}

/** One server: its files, how it is started, and how one sees that it answers. */
export interface Server {
  name: string
  port: number
  /** Configuration, by path, written before the start. */
  files: Record<string, string>
  /** Symbolic links beside it: path to what it names. */
  links?: Record<string, string>
  control: ProcessControl
  /** Whether it answers now; never throws. */
  answers: () => Promise<boolean>
}

/**
 * The environment that a server gets, whoever starts it: the lab, or an action that brings it back. `MUSTER_LAB` marks the
 * process as this lab's, so that `lab down` finds it even where every pid file is gone.
 */
export function serverEnvironment (layout: Layout, tool?: Tool): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    HOME: layout.base,
    TMPDIR: `${layout.base}/tmp`,
    ...tool?.env,
    MUSTER_LAB: layout.base,
  }
}

/** A command line for `archive_command` and the like, with the variables that the tool needs (an unpacked package's libraries). */
export function shellCommand (tool: Tool): string {
  const variables = Object.entries(tool.env).map(([name, value]) => `${name}=${value}`)
  return [...(variables.length > 0 ? ['env', ...variables] : []), tool.path].join(' ')
}

/**
 * The control of a server that writes no pid file of its own: a shell writes it and then becomes the server, so the file is
 * right whoever starts it.
 */
export function shellStarted (layout: Layout, name: string, tool: Tool, args: string[], match: string): ProcessControl {
  const pidFile = `${layout.base}/run/${name}.pid`
  return {
    kind: 'process',
    pidFile,
    match,
    start: {
      command: '/bin/sh',
      args: ['-c', 'echo $$ > "$0" && exec "$@"', pidFile, tool.path, ...args],
      cwd: layout.base,
      env: serverEnvironment(layout, tool),
      ...layout.user,
      log: `${layout.base}/log/${name}.log`,
    },
    stopSignal: 'SIGTERM',
    staleFiles: [pidFile],
  }
}
