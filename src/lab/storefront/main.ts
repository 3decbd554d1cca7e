import { readFileSync } from 'node:fs'
import { buildStorefront } from './app.js'
import type { StorefrontConfig } from './config.js'

const config = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as StorefrontConfig
const app = await buildStorefront(config)

// Only now: the lab's user may not be able to read the code, which is all loaded.
if (config.user !== undefined && process.getuid?.() === 0) {
  process.setgroups?.([config.user.gid])
  process.setgid?.(config.user.gid)
  process.setuid?.(config.user.uid)
}
await app.listen({ host: '127.0.0.1', port: config.port })

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    // Open keep-alive connections must not hold up the end.
    setTimeout(() => { process.exit(1) }, 2_000).unref()
    app.close().then(() => { process.exit(0) }, () => { process.exit(1) })
  })
}
