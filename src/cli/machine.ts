import { Option, type Command } from 'commander'
import type { Parts, Run } from './program.js'
import { print, printJson } from './shell.js'
import { tableLines } from './table.js'

/** lab, dev, migrate, worker, watchdog, server: what runs on this machine. The only commands that do not speak to the API. */
export function addMachine (program: Command, run: Run, parts: Parts): void {
  const lab = program.command('lab').description('a real small production on this machine, to be broken')
  const name = (): Option => new Option('--name <name>', 'which lab').default('lab')
  lab.command('up').description('start it, or resume it').addOption(name())
    .addOption(new Option('--synchronous <on|off>', 'whether commits wait for the standby').choices(['on', 'off']))
    .option('--volumes', 'data, WAL, logs and backups on file systems of their own, for drills that fill a disk')
    .action(run<[{ name: string, synchronous?: 'on' | 'off', volumes?: boolean }]>(() => ({}), async (shell, options) => {
      const { labUp } = await parts.lab()
      const up = await labUp({
        name: options.name, root: parts.home,
        synchronous: options.synchronous === undefined ? undefined : options.synchronous === 'on',
        volumes: options.volumes,
        webhook: parts.alerts(shell.api.url),
        onProgress: shell.json ? undefined : line => { print(shell, line) },
      })
      const { environment, environmentFile, ports, synchronous } = up
      if (shell.json) return printJson(shell, { name: up.name, environment: environment.name, environmentFile, ports, synchronous })
      print(shell, `→ muster plan ${options.volumes === true ? 'disk-full' : 'database-primary-failure'} --env ${environment.name}`)
    }))
  lab.command('down').description('stop it and remove everything of it').addOption(name()).option('--keep-data', 'the next start resumes with it')
    .action(run<[{ name: string, keepData?: boolean }]>(() => ({}), async (shell, options) => {
      const { labDown } = await parts.lab()
      await labDown(parts.home, options.name, { keepData: options.keepData, onProgress: shell.json ? undefined : line => { print(shell, line) } })
      if (shell.json) printJson(shell, { name: options.name, state: 'down' })
    }))
  lab.command('status').description('its servers').addOption(name())
    .action(run<[{ name: string }]>(() => ({}), async (shell, options) => {
      const { labStatus } = await parts.lab()
      const status = await labStatus(parts.home, options.name)
      if (shell.json) printJson(shell, status)
      else {
        print(shell, ...tableLines(['server', 'port', 'pid', 'state'], status.servers.map(server => [server.name, String(server.port), server.pid === undefined ? '' : String(server.pid), server.state]), shell.paint),
          '', ...status.database.map(node => `${node.name} is ${node.role}${node.standby === undefined ? '' : `, ${node.standby.name} streams from it (${node.standby.syncState})`}`))
      }
      return status.state === 'running' ? 0 : 1
    }))
  lab.command('list').description('the labs of this folder')
    .action(run<[]>(() => ({}), async shell => {
      const { labList } = await parts.lab()
      const labs = await labList(parts.home)
      if (shell.json) return printJson(shell, labs)
      if (labs.length === 0) return print(shell, 'no lab', '→ muster lab up')
      print(shell, ...tableLines(['lab', 'state', 'folder'], labs.map(lab => [lab.name, lab.state, lab.base]), shell.paint))
    }))

  program.command('dev').description('Muster with everything it needs, in this terminal; Ctrl-C stops it')
    .addOption(new Option('--ports <which>', 'usual: the known ports where they are free; free: any').choices(['usual', 'free']).default('usual'))
    .action(run<[{ ports: 'usual' | 'free' }]>(() => ({ command: 'dev' }), async (shell, options) => await parts.dev(shell, options)))
  for (const [entry, about] of [['migrate', 'bring the store’s tables up to date'], ['worker', 'the process that runs drills'], ['watchdog', 'the process that reverts faults whose drill has died'], ['server', 'the API']] as const) {
    program.command(entry).description(about).action(run<[]>(() => ({}), async () => { await parts.entry(entry) }))
  }
}
