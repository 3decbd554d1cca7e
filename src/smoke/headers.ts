/**
 * Security headers as data. Names and values follow OWASP's Secure Headers Project (headers_add.json and headers_remove.json, last
 * changed there 2024-07-19). Never asked for: X-XSS-Protection, which browsers dropped because it made things worse.
 */

interface Rule { header: string, good: (value: string) => boolean, want: string }

const days = 86_400
/** Half a year: below it a visitor who comes rarely is not protected. OWASP asks for a year. */
const hstsSeconds = 180 * days

const required: Rule[] = [
  { header: 'x-content-type-options', good: value => /^\s*nosniff\s*$/i.test(value), want: 'nosniff' },
  { header: 'content-security-policy', good: value => value.trim() !== '', want: 'a policy' },
]

export const describedHeaders = 'Strict-Transport-Security of half a year, X-Content-Type-Options: nosniff, a Content-Security-Policy, and no framing'

/** What fails: each line names the header, what was found and what is wanted. */
export function judgeHeaders (headers: Record<string, string>, encrypted: boolean): string[] {
  const flaws = required.flatMap(({ header, good, want }) => {
    const value = headers[header]
    return value === undefined ? [`no ${header}`] : good(value) ? [] : [`${header} is "${value}", not ${want}`]
  })
  if (encrypted) {
    const hsts = headers['strict-transport-security']
    const age = Number(/max-age="?(\d+)/i.exec(hsts ?? '')?.[1] ?? 0)
    if (hsts === undefined) flaws.push('no strict-transport-security')
    else if (age < hstsSeconds) flaws.push(`strict-transport-security lasts ${Math.floor(age / days)} days, not ${hstsSeconds / days}`)
  }
  const framing = /frame-ancestors\s+([^;]+)/i.exec(headers['content-security-policy'] ?? '')?.[1]?.trim()
  const legacy = headers['x-frame-options']
  const barred = framing === undefined ? /^\s*(deny|sameorigin)\s*$/i.test(legacy ?? '') : !/(^|\s)(\*|https?:)(\s|$)/.test(framing)
  if (!barred) flaws.push(framing === undefined && legacy === undefined ? 'no frame-ancestors and no x-frame-options' : `anybody may frame it (${framing === undefined ? `x-frame-options: ${legacy}` : `frame-ancestors ${framing}`})`)
  return flaws
}

/** Headers that tell an attacker what runs; told, and no failure: half of the web sends some of them. */
const telling = [
  'server', 'x-powered-by', 'x-powered-cms', 'x-powered-by-plesk', 'powered-by', 'x-aspnet-version', 'x-aspnetmvc-version', 'x-php-version', 'x-generator', 'x-generated-by',
  'x-framework', 'x-cms', 'x-owa-version', 'x-server-powered-by', 'x-envoy-upstream-service-time', 'x-envoy-original-dst-host', 'x-varnish-server', 'x-varnish-backend',
  'x-b3-traceid', 'x-redirect-by', 'x-umbraco-version', 'x-nextjs-page', 'sourcemap', 'x-sourcemap', 'x-sourcefiles', 'liferay-portal', 'host-header', 'x-beserver', 'x-feserver',
]
const advised = ['referrer-policy', 'permissions-policy', 'cross-origin-opener-policy', 'cross-origin-resource-policy']

export function tellingHeaders (headers: Record<string, string>): string[] {
  return [...telling.filter(name => Object.hasOwn(headers, name)).map(name => `${name}: ${headers[name]!.slice(0, 40)}`), ...advised.filter(name => !Object.hasOwn(headers, name)).map(name => `no ${name}`)]
}
