import { existsSync, readFileSync } from 'node:fs'
import { DrillError } from '../errors.js'
import { writeOwned } from './base.js'
import { writeConfiguration } from './start.js'
import type { LabUser, Layout, Server } from './layout.js'

const ownReceiver = 'http://127.0.0.1:4400/v1/alerts'

/** Where alerts go; the token is copied to where Alertmanager, as the lab's user, can read it. */
export function webhookOf (base: string, user: LabUser | undefined, wanted?: { url: string, credentialsFile?: string }): Layout['webhook'] {
  const url = wanted?.url ?? ownReceiver
  if (wanted?.credentialsFile === undefined) return { url }
  if (!existsSync(wanted.credentialsFile)) throw new DrillError('lab.failed', `The webhook's credentials file ${wanted.credentialsFile} is not there`)
  const credentialsFile = `${base}/secrets/webhook-token`
  writeOwned(credentialsFile, readFileSync(wanted.credentialsFile, 'utf8').trim(), 0o600, user)
  return { url, credentialsFile }
}

/** Tells a running Alertmanager of another webhook. */
export async function reloadWebhook (layout: Layout, servers: Server[]): Promise<void> {
  const server = servers.find(({ name }) => name === 'alertmanager')
  if (server === undefined) return
  writeConfiguration(layout, server)
  const answer = await fetch(`http://127.0.0.1:${layout.ports.alertmanager}/-/reload`, { method: 'POST', signal: AbortSignal.timeout(2_000) })
  if (!answer.ok) throw new DrillError('lab.failed', `Alertmanager refused its new configuration: ${await answer.text()}`)
}
