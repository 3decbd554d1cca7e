import { stringify } from 'yaml'
import { shellStarted, type Layout, type Server } from '../layout.js'
import { answersHttp } from '../probe.js'

/** Hands every alert to Muster at once, each by itself. */
export function alertmanagerServer (layout: Layout): Server {
  const { base, ports, tools, webhook } = layout
  const file = `${base}/conf/alertmanager.yml`
  const authorization = webhook.credentialsFile === undefined
    ? {}
    : { http_config: { authorization: { type: 'Bearer', credentials_file: webhook.credentialsFile } } }
  const configuration = {
    route: {
      receiver: 'muster', group_by: ['...'], group_wait: '0s', group_interval: '250ms', repeat_interval: '1m',
      // A synthetic alert of a smoke check goes to the check alone, and wakes nobody.
      routes: [{ receiver: 'smoke', matchers: ['muster_smoke=~".+"'] }],
    },
    receivers: [
      { name: 'muster', webhook_configs: [{ url: webhook.url, send_resolved: true, ...authorization }] },
      { name: 'smoke', webhook_configs: [{ url: `http://127.0.0.1:${ports.alertReceiver}/alerts`, send_resolved: false }] },
    ],
  }
  const control = shellStarted(layout, 'alertmanager', tools.alertmanager, [
    `--config.file=${file}`,
    `--storage.path=${base}/alertmanager`,
    `--web.listen-address=127.0.0.1:${ports.alertmanager}`,
    '--cluster.listen-address=',
  ], file)
  control.blockFile = file
  return {
    name: 'alertmanager',
    port: ports.alertmanager,
    files: { [file]: stringify(configuration) },
    control,
    answers: () => answersHttp(ports.alertmanager, '/-/ready'),
  }
}
