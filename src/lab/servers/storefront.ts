import { fileURLToPath } from 'node:url'
import { shellStarted, type Layout, type Server } from '../layout.js'
import { answersHttp } from '../probe.js'
import type { StorefrontConfig } from '../storefront/config.js'

const source = import.meta.url.endsWith('.ts')

/** One instance of the shop. Started as root it loads its code first and then becomes the lab's user, who may not be able to read it. */
export function storefrontServer (layout: Layout, name: 'api1' | 'api2'): Server {
  const { base, ports, user } = layout
  const file = `${base}/conf/${name}.json`
  const config: StorefrontConfig = {
    name,
    port: ports[name],
    database: { host: '127.0.0.1', port: ports.apiToDatabase, user: 'shop', database: 'shop' },
    redis: { host: '127.0.0.1', port: ports.apiToRedis },
    user,
    sessionSeconds: 3_600,
    catalogueSeconds: 5,
    requestsPerTenSeconds: 5_000,
    attemptsPerMinute: 40,
    resetsPerHour: 3,
  }
  const entry = fileURLToPath(new URL(`../storefront/main.${source ? 'ts' : 'js'}`, import.meta.url))
  const node = { path: process.execPath, version: process.versions.node, env: {} }
  const control = shellStarted(layout, name, node,
    ['--max-old-space-size=96', ...(source ? ['--import', import.meta.resolve('tsx')] : []), entry, file], file)
  delete control.start.uid
  delete control.start.gid
  // tsx would leave its cache in the temporary folder.
  control.start.env = { ...control.start.env, NODE_ENV: 'production', ...(source ? { TSX_DISABLE_CACHE: '1' } : {}) }
  control.blockFile = file
  return {
    name,
    port: ports[name],
    files: { [file]: JSON.stringify(config, null, 2) },
    control,
    answers: () => answersHttp(ports[name], '/readyz'),
  }
}
