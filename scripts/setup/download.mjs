// Fetching over HTTPS with a deadline for silence, and the check of what came.
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { get as getHttp } from 'node:http'
import { get as getHttps } from 'node:https'
import { pipeline } from 'node:stream/promises'

/** The response's bytes. `silence` is how long the other side may say nothing; `onShare` gets (done, total). */
export async function fetchBytes (url, { silence = 15_000, headers = {}, onShare, hops = 5 } = {}) {
  const response = await new Promise((resolve, reject) => {
    const get = url.startsWith('http:') ? getHttp : getHttps
    const request = get(url, { headers: { 'user-agent': 'muster-setup', ...headers }, ca: authorities() }, resolve)
    // The socket's own timeout does not cover a name that nobody answers for.
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${silence / 1000} s`)), silence)
    request.on('response', () => clearTimeout(timer))
    request.setTimeout(silence, () => request.destroy(new Error(`silent for ${silence / 1000} s`)))
    request.on('error', error => { clearTimeout(timer); reject(error) })
  })
  const { statusCode: status, headers: { location } } = response
  if (status >= 300 && status < 400 && location && hops > 0) {
    response.resume()
    return fetchBytes(new URL(location, url).href, { silence, headers, onShare, hops: hops - 1 })
  }
  if (status !== 200) {
    response.resume()
    throw new Error(`${new URL(url).host} answered ${status}`)
  }
  const total = Number(response.headers['content-length']) || undefined
  const parts = []
  let done = 0
  for await (const part of response) {
    parts.push(part)
    done += part.length
    onShare?.(done, total)
  }
  if (total !== undefined && done !== total) throw new Error(`${new URL(url).host} broke off after ${done} of ${total} bytes`)
  return { bytes: Buffer.concat(parts, done), url, type: response.headers['content-type'] ?? '' }
}

/** A company's own certificate authority, where pip or OpenSSL is told of one. */
function authorities (env = process.env) {
  const file = env.PIP_CERT || env.SSL_CERT_FILE
  if (!file) return undefined
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

function hashOf (bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

export async function hashOfFile (path) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** Refuses bytes that are not the pinned ones, whoever sent them. */
export function demandHash (bytes, sha256, what) {
  const found = hashOf(bytes)
  if (found !== sha256) throw new Error(`${what} has the wrong content: sha256 is ${found}, pinned is ${sha256}`)
}
