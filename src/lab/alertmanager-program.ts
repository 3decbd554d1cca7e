import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeOwned } from './base.js'
import type { LabUser } from './layout.js'
import type { Tool } from '../tools.js'

const builtIn = '/usr/share/prometheus/alertmanager'
// As long as the built-in one, and relative: it leads to the lab's conf folder, where the server's working directory is.
const ours = `conf${'/.'.repeat((builtIn.length - 4) / 2)}`

/**
 * Debian's Alertmanager reads its templates from one fixed folder of /usr and does not start without them. Where its package was only
 * unpacked and not installed, that folder is not there: then the lab runs a copy that looks for them in its own folder.
 */
export function runnableAlertmanager (base: string, tool: Tool, user: LabUser | undefined): Tool {
  const templates = join(dirname(tool.path), '../share/prometheus/alertmanager')
  if (existsSync(`${builtIn}/default.tmpl`) || !existsSync(`${templates}/default.tmpl`)) return tool
  const path = `${base}/conf/alertmanager`
  if (!existsSync(path)) {
    for (const file of ['default.tmpl', 'email.tmpl']) writeOwned(`${base}/conf/${file}`, readFileSync(`${templates}/${file}`), 0o640, user)
    const program = readFileSync(tool.path)
    for (let at = program.indexOf(builtIn); at !== -1; at = program.indexOf(builtIn, at)) program.write(ours, at, 'latin1')
    writeOwned(path, program, 0o750, user)
  }
  return { ...tool, path }
}
