// Where pip would look, read from its settings, so that a mirror that is set up for pip serves setup too.
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const official = 'https://pypi.org/simple'

export function pipIndex (env = process.env, home = homedir()) {
  if (env.PIP_INDEX_URL) return env.PIP_INDEX_URL.replace(/\/+$/, '')
  const files = [env.PIP_CONFIG_FILE, join(env.XDG_CONFIG_HOME || join(home, '.config'), 'pip/pip.conf'), join(home, '.pip/pip.conf'), '/etc/pip.conf']
  for (const file of files) {
    if (!file) continue
    try {
      const found = /^\s*index[-_]url\s*[=:]\s*(\S+)/m.exec(readFileSync(file, 'utf8'))
      if (found) return found[1].replace(/\/+$/, '')
    } catch {}
  }
  return official
}

/** Address of a wheel on an index, from the JSON form of its page or, on older mirrors, the HTML one. */
export function wheelAddress (page, pattern) {
  if (page.type.includes('json')) {
    return JSON.parse(page.bytes).files.find(({ filename }) => pattern.test(filename))?.url
  }
  for (const [, href] of String(page.bytes).matchAll(/<a[^>]*\bhref="([^"#]+)/g)) {
    if (pattern.test(decodeURIComponent(href.split('/').pop()))) return href
  }
  return undefined
}
