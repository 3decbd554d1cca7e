import { serverEnvironment, type Layout, type Server } from '../layout.js'
import { answersRedis } from '../probe.js'

/**
 * The cache and the sessions: redis1 the primary, redis2 its replica through a link that a drill may cut. Each comes up as a replica of the
 * other, whoever starts it: only an explicit command makes a primary, so an old one never comes back beside a new one.
 */
export function redisServer (layout: Layout, name: 'redis1' | 'redis2'): Server {
  const { base, ports, tools, user } = layout
  const file = `${base}/conf/${name}.conf`
  const pidFile = `${base}/run/${name}.pid`
  const text = `bind 127.0.0.1
port ${ports[name]}
dir ${base}/${name}
pidfile ${pidFile}
save ""
appendonly yes
maxmemory 64mb
maxmemory-policy volatile-ttl
repl-diskless-sync-delay 0
repl-timeout 5
repl-ping-replica-period 1
repl-backlog-size 4mb
set-proc-title no
replicaof 127.0.0.1 ${name === 'redis2' ? ports.redis1ToRedis2 : ports.redis2ToRedis1}
`
  return {
    name,
    port: ports[name],
    files: { [file]: text },
    control: {
      kind: 'process',
      pidFile,
      match: file,
      start: {
        command: tools.redisServer.path,
        args: [file],
        cwd: base,
        env: serverEnvironment(layout, tools.redisServer),
        ...user,
        log: `${base}/log/${name}.log`,
      },
      stopSignal: 'SIGTERM',
      blockFile: file,
      staleFiles: [pidFile],
    },
    answers: () => answersRedis(ports[name], 'PING', '+PONG'),
  }
}
