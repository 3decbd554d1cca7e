import { createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { durationMs, durationText } from '../../drill/duration.js'
import { messageOf } from '../../errors.js'
import { answerOf, blind, type SmokeCheck, type SmokeContext } from '../check.js'

const label = 'muster_smoke'
const bodyBytes = 256 * 1024

/** In at Alertmanager's API, out at a receiver that this check opens: its routes, its sender and the network between. */
export const alertArrives: SmokeCheck<'alert-arrives'> = async ({ within = '10s' }, context) => {
  const expected = `a synthetic alert arrives within ${within}`
  const monitoring = context.environment.monitoring!
  const [host, port] = monitoring.alertReceiver!.split(':') as [string, string]
  const nonce = String(context.values.nonce)
  let arrived: (() => void) | undefined
  const arrival = new Promise<true>(resolve => { arrived = () => { resolve(true) } })
  const limitMs = durationMs(within)
  const from = performance.now()
  const receiver = await receive(host, Number(port), text => { if (text.includes(nonce)) arrived!() }, limitMs, context)
  if ('problem' in receiver) return blind(`nothing can be received at ${host}:${port}: ${receiver.problem}`, expected)
  const http = context.other(monitoring.alertmanager!)
  const post = async (endsAtMs: number): ReturnType<typeof http.send> => await http.send({
    method: 'POST', path: '/api/v2/alerts', timeout: '3s',
    json: [{ labels: { alertname: 'MusterSmoke', severity: 'none', [label]: nonce }, annotations: { summary: 'A synthetic alert of a smoke check; nothing is wrong' }, endsAt: new Date(endsAtMs).toISOString() }],
  })
  try {
    const sentMs = performance.now()
    const sent = await post(Date.now() + 60_000)
    if ('failure' in sent) return answerOf([`Alertmanager does not answer: ${sent.message}`], '', expected)
    if (sent.status !== 200) return answerOf([`Alertmanager takes no alert: status ${sent.status}`], '', expected)
    const came = await Promise.race([arrival, sleep(Math.max(1, limitMs - (performance.now() - from)), false, { signal: context.signal }).catch(() => false)])
    const arrivedMs = performance.now() - sentMs
    return came
      ? answerOf([], `arrived after ${durationText(arrivedMs)}`, expected, { values: { arrivedMs } })
      : answerOf([`Alertmanager took the alert, but it did not arrive at ${host}:${port} within ${within}`], '', expected)
  } finally {
    await post(Date.now()).catch(() => {})
    receiver.server.closeAllConnections()
    receiver.server.close()
  }
}

/** Another run may hold the port for a moment. */
async function receive (host: string, port: number, onBody: (text: string) => void, withinMs: number, context: SmokeContext): Promise<{ server: Server } | { problem: string }> {
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (data: Buffer) => { if (text.length < bodyBytes) text += data.toString() })
    request.on('end', () => { response.writeHead(200).end(); onBody(text) })
  })
  const end = performance.now() + withinMs
  for (;;) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => { server.off('error', reject); resolve() })
      })
      return { server }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || performance.now() > end || context.signal.aborted) return { problem: messageOf(error) }
      await sleep(100, undefined, { signal: context.signal }).catch(() => {})
    }
  }
}
