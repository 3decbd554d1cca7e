import { shellStarted, type Layout, type Server } from '../layout.js'
import { answersHttp } from '../probe.js'

/** Every link that a drill may cut: who opens it, to whom. The names stand in the environment file. */
export const linkNames = {
  apiToDatabase: 'api-to-database',
  apiToRedis: 'api-to-redis',
  pg1ToPg2: 'pg1-to-pg2',
  pg2ToPg1: 'pg2-to-pg1',
  redis1ToRedis2: 'redis1-to-redis2',
  redis2ToRedis1: 'redis2-to-redis1',
} as const

/** Replication links are named in the direction of the data; the connection is opened the other way, by the standby. */
export function toxiproxyServer (layout: Layout): Server {
  const { base, ports, tools } = layout
  const file = `${base}/conf/toxiproxy.json`
  const upstreams: Record<keyof typeof linkNames, number> = {
    apiToDatabase: ports.database,
    apiToRedis: ports.redis1,
    pg1ToPg2: ports.pg1,
    pg2ToPg1: ports.pg2,
    redis1ToRedis2: ports.redis1,
    redis2ToRedis1: ports.redis2,
  }
  const proxies = (Object.keys(linkNames) as Array<keyof typeof linkNames>).map((link) => ({
    name: linkNames[link], listen: `127.0.0.1:${ports[link]}`, upstream: `127.0.0.1:${upstreams[link]}`, enabled: true,
  }))
  const control = shellStarted(layout, 'toxiproxy', tools.toxiproxy,
    ['-host', '127.0.0.1', '-port', String(ports.toxiproxy), '-config', file], file)
  control.start.env = { ...control.start.env, LOG_LEVEL: 'warn', GOMAXPROCS: '2' }
  control.blockFile = file
  return {
    name: 'toxiproxy',
    port: ports.toxiproxy,
    files: { [file]: JSON.stringify(proxies, null, 2) },
    control,
    answers: () => answersHttp(ports.toxiproxy, `/proxies/${linkNames.redis2ToRedis1}`),
  }
}
