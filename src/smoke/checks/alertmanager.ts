import { askJson } from '../ask-json.js'
import { answerOf, type SmokeCheck } from '../check.js'

interface Alert { labels: Record<string, string>, status: { state: string }, endsAt: string }

/** Ready says that it runs; the watchdog says that Prometheus evaluates rules and reaches it (`/-/healthy` always says 200). */
export const alertmanager: SmokeCheck<'alertmanager'> = async ({ watchdog = 'Watchdog' }, context) => {
  const expected = `ready, and ${watchdog} has reached it`
  const http = context.other(context.environment.monitoring!.alertmanager!)
  const ready = await http.send({ path: '/-/ready', timeout: '3s' }, context.signal)
  if ('failure' in ready) return answerOf([`Alertmanager does not answer: ${ready.message}`], '', expected, { transient: true })
  if (ready.status !== 200) return answerOf([`Alertmanager is not ready: status ${ready.status}`], '', expected)
  const told = await askJson<Alert[]>(http, '/api/v2/alerts?active=true', context)
  if ('problem' in told) return answerOf([`Alertmanager does not list its alerts: ${told.problem}`], '', expected)
  const found = told.body.find(alert => alert.labels.alertname === watchdog && alert.status.state !== 'suppressed' && Date.parse(alert.endsAt) > Date.now())
  return answerOf(found ? [] : [`${watchdog}, which always fires, has not reached Alertmanager: no alert would`], `ready, ${watchdog} is there, ${told.body.length} alerts in all`, expected, { values: { alerts: told.body.length } })
}
