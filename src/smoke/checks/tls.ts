import { isIP } from 'node:net'
import { connect, type SecureVersion } from 'node:tls'
import { codeOf, failureOf } from '../../journey/failure.js'
import { messageOf } from '../../errors.js'
import { answerOf, blind, type SmokeCheck, type SmokeContext } from '../check.js'

const dayMs = 86_400_000
const shakeMs = 5_000
const old = [['TLSv1', 'TLS 1.0'], ['TLSv1.1', 'TLS 1.1']] as const

/** The certificate as a client sees it; old versions refused by an alert, not by silence; plain HTTP leads here, for good (HSTS). */
export const tls: SmokeCheck<'tls'> = async ({ days = 21, hstsDays = 180, plainUrl }, context) => {
  const expected = `a trusted certificate with ${days} days left, TLS 1.2 or newer only, HTTP leads to HTTPS, HSTS of ${hstsDays} days`
  const { url, ca, http } = context.service()
  if (!url.startsWith('https:')) return answerOf([`${new URL(url).origin} is not encrypted`], '', expected)
  const shaken = await shake(url, { ca, minVersion: 'TLSv1.2' }, context)
  if ('error' in shaken) return refusedBecause(shaken.error, expected)
  const daysLeft = Math.floor((shaken.untilMs - Date.now()) / dayMs)
  const flaws = daysLeft < days ? [`the certificate is good for ${daysLeft} days, expected ${days} or more`] : []
  const unseen: string[] = []
  for (const [version, name] of old) {
    // Level 0: else our own library would refuse before the server is asked.
    const asked = await shake(url, { ca, minVersion: version, maxVersion: version, ciphers: 'DEFAULT:@SECLEVEL=0', rejectUnauthorized: false }, context)
    if (!('error' in asked)) flaws.push(`${name} is accepted`)
    else if (!isAlert(asked.error)) unseen.push(`whether ${name} is refused could not be seen: ${messageOf(asked.error)}`)
  }
  const plain = plainUrl ?? (new URL(url).port === '' ? `http://${new URL(url).host}` : undefined)
  if (plain !== undefined) {
    const answer = await context.other(plain).send({ path: '/', timeout: '5s' }, context.signal)
    if (!('failure' in answer) && !(answer.status >= 301 && answer.status <= 308 && String(answer.headers.location).startsWith('https:'))) flaws.push(`plain HTTP answers with status ${answer.status} and does not lead to HTTPS`)
  }
  const page = await http.send({ path: '/' }, context.signal)
  const age = 'failure' in page ? undefined : Number(/max-age="?(\d+)/i.exec(String(page.headers['strict-transport-security']))?.[1] ?? 0) * 1000
  if (age === undefined) unseen.push('the page itself did not answer')
  else if (age < hstsDays * dayMs) flaws.push(age === 0 ? 'no Strict-Transport-Security' : `Strict-Transport-Security lasts ${Math.floor(age / dayMs)} days, expected ${hstsDays}`)
  const values = { daysLeft }
  if (flaws.length === 0 && unseen.length > 0) return blind(unseen.join('; '), expected, { values })
  return answerOf(flaws, `trusted, ${daysLeft} days left, ${shaken.protocol}, older ones refused${plain === undefined ? '' : ', HTTP leads to HTTPS'}, HSTS`, expected, { values })
}

interface Shake { ca?: string, minVersion: SecureVersion, maxVersion?: SecureVersion, ciphers?: string, rejectUnauthorized?: boolean }

async function shake (url: string, options: Shake, context: SmokeContext): Promise<{ untilMs: number, protocol: string } | { error: unknown }> {
  await context.pace(context.signal)
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  return await new Promise(resolve => {
    const socket = connect({ host, port: Number(port || 443), ...(isIP(host) ? {} : { servername: host }), ...options }, () => {
      resolve({ untilMs: Date.parse(socket.getPeerCertificate().valid_to), protocol: socket.getProtocol() ?? 'unknown' })
      socket.destroy()
    })
    socket.setTimeout(shakeMs, () => { socket.destroy(); resolve({ error: new Error('no answer to the handshake') }) })
    socket.once('error', error => { resolve({ error }) })
    socket.once('close', () => { resolve({ error: new Error('the connection was closed without an alert') }) })
  })
}

function isAlert (error: unknown): boolean {
  return /^(ERR_SSL|EPROTO)/.test(codeOf(error)) && /alert/i.test(`${codeOf(error)} ${messageOf(error)}`)
}

/** What is known to be wrong with a certificate is a failure; a handshake that did not come about is one too, in its own words. */
function refusedBecause (error: unknown, expected: string): ReturnType<typeof answerOf> {
  const code = codeOf(error)
  const { message } = failureOf(error)
  const why = code === 'CERT_HAS_EXPIRED'
    ? 'the certificate has expired'
    : code === 'CERT_NOT_YET_VALID'
      ? 'the certificate is not valid yet'
      : code === 'ERR_TLS_CERT_ALTNAME_INVALID'
        ? `the certificate is for another name: ${messageOf(error)}`
        : message
  return answerOf([why], '', expected)
}
