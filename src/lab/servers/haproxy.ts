import { nodeNames, shellStarted, type Layout, type Server } from '../layout.js'
import { answersHttp } from '../probe.js'

/**
 * The database's endpoint: one server of two is open, the other closed until an action opens it. There are no health checks:
 * they would bring a returned old primary back by themselves. The state file keeps a switch over a restart.
 */
export function haproxyServer (layout: Layout): Server {
  const { base, ports, primary, tools } = layout
  const file = `${base}/conf/haproxy.cfg`
  const nodes = nodeNames.map((node) => `  server ${node} 127.0.0.1:${ports[node]}${node === primary ? '' : ' disabled'}`)
  const text = `global
  stats socket ${base}/run/haproxy.sock mode 600 level admin
  server-state-file ${base}/run/haproxy.state
  maxconn 500
defaults
  mode tcp
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  retries 0
  load-server-state-from-file global
frontend db
  bind 127.0.0.1:${ports.database}
  default_backend db
backend db
${nodes.join('\n')}
frontend stats
  mode http
  timeout client 5s
  bind 127.0.0.1:${ports.haproxyStats}
  http-request use-service prometheus-exporter if { path /metrics }
`
  return {
    name: 'haproxy',
    port: ports.database,
    files: { [file]: text },
    control: { ...shellStarted(layout, 'haproxy', tools.haproxy, ['-db', '-f', file], file), blockFile: file },
    answers: () => answersHttp(ports.haproxyStats, '/metrics'),
  }
}
