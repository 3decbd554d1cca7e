import { createHmac, timingSafeEqual } from 'node:crypto'

/** How far Slack's clock and ours may be apart, s: what is older could be a recording. */
const toleranceS = 300

/**
 * Whether Slack itself sent a request: HMAC-SHA256 of `v0:TIMESTAMP:RAW BODY` by the app's signing secret, compared in constant
 * time, and a timestamp (Unix s) of at most five minutes ago or ahead (docs.slack.dev, "Verifying requests from Slack").
 *
 * @returns undefined where it is proven, else why not, without anything that was sent
 */
export function whyUnsigned (secret: string, request: { signature: unknown, timestamp: unknown, body: Buffer }, nowMs: number): string | undefined {
  const { signature, timestamp, body } = request
  if (typeof signature !== 'string' || typeof timestamp !== 'string') return 'it has no X-Slack-Signature or no X-Slack-Request-Timestamp'
  if (!/^\d{1,12}$/.test(timestamp)) return 'its X-Slack-Request-Timestamp is no time'
  const ageS = Math.trunc(nowMs / 1000) - Number(timestamp)
  if (ageS > toleranceS) return `it was signed ${ageS} s ago, more than ${toleranceS}`
  if (ageS < -toleranceS) return `it is signed ${-ageS} s ahead of this machine’s clock, more than ${toleranceS}`
  const expected = Buffer.from(signatureOf(secret, timestamp, body))
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected) ? undefined : 'its signature does not fit its body'
}

function signatureOf (secret: string, timestamp: string, body: Buffer): string {
  return `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest('hex')}`
}
