import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { addressOf } from './address.js'
import { createApi } from './api.js'
import type { Checked } from './check.js'
import { paintOf } from './paint.js'
import { runCommand, type GlobalOptions, type Parts } from './program.js'
import type { Shell } from './shell.js'
import { terminalOf } from './terminal.js'
import { musterVersion } from '../version.js'

// The CLI: speaks to the API; what runs on this machine (lab, dev, the entries) is loaded only by the command that needs it.

const { env, stdout } = process
const home = resolve(env.MUSTER_HOME || '.muster')
const alertKey = join(home, 'alertmanager.key')

const terminal = terminalOf(process)

function shellOf (options: GlobalOptions): Shell {
  const colour = options.color && !env.NO_COLOR && env.TERM !== 'dumb' && stdout.isTTY === true
  let api: Shell['api'] | undefined
  return {
    ...terminal, json: options.json === true, colour, paint: paintOf(colour),
    get api () {
      if (api === undefined) {
        const { url, key } = addressOf(options, env, home)
        api = createApi(url, key)
      }
      return api
    },
  }
}

// Not made absolute: a place in a message is the path that the person sees.
const runbooksDir = env.MUSTER_RUNBOOKS || 'runbooks'

async function catalogHere () {
  const { loadCatalog } = await import('../runbook/catalog.js')
  const environments = env.MUSTER_ENVIRONMENTS || join(relative(process.cwd(), home), 'environments')
  return await loadCatalog({ runbookDirs: [runbooksDir], environmentDirs: [join(runbooksDir, 'environments'), environments] })
}

const parts: Parts = {
  home,
  version: musterVersion,
  lab: async () => await import('../lab/lab.js'),
  // What `muster dev` wrote for Alertmanager: without it the alerts of a lab reach nobody.
  alerts: url => existsSync(alertKey) ? { url: `${url}/v1/alerts`, credentialsFile: alertKey } : undefined,
  dev: async (shell, options) => (await import('../dev/command.js')).runDev(shell, { ...options, root: home }),
  evidence: async () => {
    const [{ verifyEvidence }, chain, { createHash }] = await Promise.all([import('./evidence.js'), import('../store/chain.js'), import('node:crypto')])
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
    return { verify: value => verifyEvidence(value, { ...chain, sha256 }) }
  },
  load: async () => {
    const [{ runLoad }, { newRunId }, { renderHtml }, { renderMarkdown }, { renderPrometheus }, { liveText }, { secretsFrom }] = await Promise.all([
      import('../load/run.js'), import('../load/prepare.js'), import('../load/report/html.js'), import('../load/report/markdown.js'), import('../load/report/prometheus.js'), import('../load/report/text.js'), import('../secrets.js'),
    ])
    const catalog = await catalogHere()
    const inRow = ['baseline', 'peak', 'stress', 'endurance']
    return {
      scenarios: catalog.scenarios.filter(({ value }) => value?.held !== true).map(({ name }) => name)
        .sort((one, other) => (inRow.indexOf(one) + 1 || 9) - (inRow.indexOf(other) + 1 || 9)),
      run: async ({ environment, scenario, ...order }, options) => {
        const { scenario: found, behaviour } = catalog.scenario(scenario)
        const runId = newRunId(scenario)
        const whole = { ...order, runId, environment: catalog.environment(environment).value, scenario: found.value, behaviour: behaviour.value }
        return await runLoad(whole, { secret: secretsFrom(env), ...options })
      },
      liveText,
      render: { html: renderHtml, markdown: renderMarkdown, prometheus: renderPrometheus },
    }
  },
  check: async () => {
    const [{ checkFiles }, { problemLine }] = await Promise.all([import('./check.js'), import('../runbook/problem.js')])
    return async files => {
      const { runbooks, environments, suites, scenarios, behaviours } = await catalogHere()
      type Loaded = ReadonlyArray<{ file: string, problems: Parameters<typeof problemLine>[0][] }>
      const lines = (...loaded: Loaded[]): Checked[] => loaded.flat().map(({ file, problems }) => ({ file, problems: problems.map(problemLine) }))
      return checkFiles(lines(runbooks, environments, suites, scenarios, behaviours), runbooksDir, files)
    }
  },
  smoke: async () => {
    const [{ runSuite }, { secretsFrom }, draw, { randomBytes }] = await Promise.all([
      import('../smoke/run.js'), import('../secrets.js'), import('../report/suite.js'), import('node:crypto'),
    ])
    return {
      run: async ({ environment: name, suite: wanted, onPlan, ...options }) => {
        const catalog = await catalogHere()
        const environment = catalog.environment(name).value
        const suite = catalog.suite(wanted ?? environment.smoke?.suite ?? 'production').value
        onPlan(options.only?.length ?? suite.checks.length)
        return await runSuite({ ...options, suite, environment, runId: `smoke-${randomBytes(4).toString('hex')}`, secret: secretsFrom(env) })
      },
      draw: { json: draw.renderSuiteJson, junit: draw.renderSuiteJunit, prometheus: draw.renderSuitePrometheus, html: draw.renderSuiteHtml },
    }
  },
  firstAdmin: async options => {
    const [{ firstAdmin }, { loadConfig, storeUrlOf }, { openStore }] = await Promise.all([import('../dev/people.js'), import('../config.js'), import('../store/pool.js')])
    const store = openStore(storeUrlOf(loadConfig(env)), { connections: 1 })
    try {
      return await firstAdmin(store.pool, home, options)
    } finally {
      await store.close()
    }
  },
  entry: async name => {
    const built = import.meta.url.endsWith('.js')
    await import(pathToFileURL(fileURLToPath(new URL(`../${name}.${built ? 'js' : 'ts'}`, import.meta.url))).href)
  },
}

// `muster list | head` closes the pipe early: that is no error of anybody's.
stdout.on('error', (error: NodeJS.ErrnoException) => { if (error.code === 'EPIPE') process.exit(0); else throw error })

const entryCommands = ['migrate', 'worker', 'watchdog', 'server']
const code = await runCommand(process.argv.slice(2), { parts, shell: shellOf, debug: Boolean(env.MUSTER_DEBUG) })
// An entry sets its own exit code and lives on after its import.
if (code !== 0 || !entryCommands.includes(process.argv[2] ?? '')) process.exitCode = code
