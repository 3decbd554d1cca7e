import { askJson } from '../ask-json.js'
import { answerOf, blind, type SmokeCheck } from '../check.js'

interface DataSource { uid: string, name: string }

/** Its own database, and each data source: a dashboard over a dead one shows nothing, and nobody looks at why. */
export const grafana: SmokeCheck<'grafana'> = async (_, context) => {
  const expected = 'Grafana has its database, and every data source answers'
  const { url, token: ref } = context.environment.monitoring!.grafana!
  const token = ref === undefined ? undefined : await context.secret(ref)
  const http = context.other(url)
  const health = await askJson<{ database?: string }>(http, '/api/health', context)
  if ('problem' in health) return answerOf([`Grafana does not answer: ${health.problem}`], '', expected)
  if (health.body.database !== 'ok') return answerOf([`Grafana’s database is ${health.body.database ?? 'not told'}`], '', expected)
  if (token === undefined) return blind('its database is ok; without a token its data sources cannot be asked (monitoring.grafana.token)', expected)
  const sources = await askJson<DataSource[]>(http, { path: '/api/datasources', token, timeout: '3s' }, context)
  if ('problem' in sources) return blind(`its data sources cannot be listed: ${sources.problem}`, expected)
  if (sources.body.length === 0) return answerOf(['Grafana has no data source'], '', expected)
  const asked = await Promise.all(sources.body.map(async ({ uid, name }) => ({ name, health: await askJson<{ status?: string, message?: string }>(http, { path: `/api/datasources/uid/${encodeURIComponent(uid)}/health`, token, timeout: '5s' }, context) })))
  const bad = asked.flatMap(({ name, health }) => 'problem' in health ? [`data source ${name}: ${health.problem}`] : health.body.status === 'OK' ? [] : [`data source ${name}: ${health.body.message ?? health.body.status}`])
  return answerOf(bad, `its database and ${asked.length} data source${asked.length === 1 ? '' : 's'} answer`, expected)
}
