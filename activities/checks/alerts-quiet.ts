import { request } from 'undici'
import { durationText } from '../../src/drill/duration.js'
import type { CheckInputs } from '../../src/drill/checks.js'
import { messageOf } from '../../src/errors.js'
import type { Check } from '../action.js'

/** Data older than this is no view of the present, s. */
const freshWithinSeconds = 15
const deadlineMs = 3_000
const watchdog = 'Watchdog'

interface Alert { state: string, labels: { alertname?: string, instance?: string } }
interface Alerts { data: { alerts: Alert[] } }
interface Vector { data: { result: Array<{ value: [number, string] }> } }

/** No alert but the watchdog fires, the watchdog does, and the data are of now. Anything else that is quiet is blind. */
export const alertsQuiet: Check<CheckInputs['alerts.quiet']> = async ({ monitoring, except = [] }, context) => {
  const expected = `${watchdog} fires and nothing else`
  try {
    const [alerts, age] = await Promise.all([
      ask<Alerts>(monitoring.prometheus, '/api/v1/alerts', context.signal),
      ask<Vector>(monitoring.prometheus, `/api/v1/query?query=${encodeURIComponent('max(time() - timestamp(up))')}`, context.signal),
    ])
    const firing = alerts.data.alerts.filter(alert => alert.state === 'firing')
    const loud = firing.filter(({ labels: { alertname = '' } }) => alertname !== watchdog && !except.includes(alertname))
    const names = [...new Set(loud.map(alert => alert.labels.alertname ?? 'unnamed'))]
    if (names.length > 0) return { outcome: 'fail', observed: `firing: ${names.join(', ')}`, expected, output: { firing: names } }
    const blind = (observed: string) => ({ outcome: 'blind' as const, observed, expected, output: {} })
    if (!firing.some(alert => alert.labels.alertname === watchdog)) return blind(`${watchdog} does not fire: alerting is dead, so its silence says nothing`)
    const seconds = Number(age.data.result[0]?.value[1])
    if (!Number.isFinite(seconds)) return blind('Prometheus has no target')
    if (seconds > freshWithinSeconds) return blind(`the newest data of a target are ${durationText(seconds * 1000)} old`)
    return { outcome: 'pass', observed: `${watchdog} fires and nothing else, data ${durationText(seconds * 1000)} old`, expected, output: { firing: [] } }
  } catch (error) {
    context.signal.throwIfAborted()
    return { outcome: 'blind', observed: `Prometheus does not answer: ${messageOf(error) || 'no connection'}`, expected, output: {} }
  }
}

async function ask<T> (prometheus: string, path: string, signal: AbortSignal): Promise<T> {
  const answer = await request(new URL(path, prometheus), { signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]) })
  return await answer.body.json() as T
}
