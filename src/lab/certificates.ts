import { statSync } from 'node:fs'
import { writeOwned } from './base.js'
import { runTool } from './run.js'
import type { Layout } from './layout.js'

const days = 30

/** Makes the lab's own certificate authority and the front door's certificate, unless they are there and good for days to come. */
export async function makeCertificates (layout: Layout): Promise<void> {
  const folder = `${layout.base}/tls`
  const authority = caFile(layout.base)
  const made = statSync(`${folder}/web.crt`, { throwIfNoEntry: false })
  if (made !== undefined && Date.now() - made.mtimeMs < (days - 7) * 86_400_000) return
  const openssl = (...args: string[]): Promise<string> => runTool(layout, layout.tools.openssl, args)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await openssl('req', '-x509', ...key, '-days', String(days), '-subj', `/CN=Muster lab ${layout.name} CA`, '-keyout', `${folder}/ca.key`, '-out', authority,
    '-addext', 'basicConstraints=critical,CA:TRUE')
  await openssl('req', '-new', ...key, '-subj', '/CN=localhost', '-keyout', `${folder}/web.key`, '-out', `${folder}/web.csr`)
  const names = `${layout.base}/conf/web.ext`
  writeOwned(names, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n', 0o600, layout.user)
  await openssl('x509', '-req', '-in', `${folder}/web.csr`, '-CA', authority, '-CAkey', `${folder}/ca.key`, '-CAcreateserial', '-days', String(days),
    '-extfile', names, '-out', `${folder}/web.crt`)
}

export function caFile (base: string): string {
  return `${base}/tls/ca.crt`
}
