import { connect } from 'node:net'
import { DrillError } from '../errors.js'
import { nodeNames, type Layout } from './layout.js'

/** Points the database endpoint of a running HAProxy at the primary; after a drill that was cut short it may lead nowhere. */
export async function pointEndpoint (layout: Layout): Promise<void> {
  const socket = `${layout.base}/run/haproxy.sock`
  const commands = nodeNames.map((node) => `set server db/${node} state ${node === layout.primary ? 'ready' : 'maint'}`)
  const end = Date.now() + 5_000
  for (;;) {
    try {
      const answer = await ask(socket, commands.join('; '))
      // Success is an empty answer.
      if (answer.trim() === '') return
      throw new DrillError('lab.failed', `HAProxy answered: ${answer.trim()}`)
    } catch (error) {
      // It is started at the same time as the database.
      if (error instanceof DrillError || Date.now() > end) throw error
      await new Promise((resolve) => { setTimeout(resolve, 25) })
    }
  }
}

function ask (path: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect({ path }, () => { socket.end(`${line}\n`) })
    socket.setTimeout(2_000, () => { socket.destroy(new Error('HAProxy does not answer on its socket')) })
    socket.on('data', (data) => { answer += data.toString() })
    socket.once('end', () => { resolve(answer) })
    socket.once('error', reject)
  })
}
