import type { SuiteRun } from '../src/drill/suite.js'
import { labDown, labUp } from '../src/lab/lab.js'
import { loadCatalog } from '../src/runbook/catalog.js'
import { secretsFrom } from '../src/secrets.js'
import { runSuite } from '../src/smoke/run.js'
import type { Bench } from './hold.js'
import { spread, type Figure } from './measure.js'

const rounds = 5

/** The shipped suite on a lab, beside the same checks one after the other, in turns. */
export async function smoke ({ hold, tell }: Bench): Promise<Figure[]> {
  const root = await hold.folder()
  tell('the lab starts')
  const { environment } = await hold.take(labUp({ root }), () => labDown(root, 'lab'))
  const suite = (await loadCatalog({ runbookDirs: ['runbooks'], environmentDirs: [] })).suite('production').value
  const run = async (round: number, serial: boolean): Promise<SuiteRun> => await runSuite({
    suite, environment, serial, runId: `bench-${round}-${serial ? 'serial' : 'beside'}`, signal: new AbortController().signal, secret: secretsFrom(process.env),
  })
  const beside: SuiteRun[] = []
  const serial: SuiteRun[] = []
  for (let round = 0; round <= rounds; round++) {
    tell(round === 0 ? 'once to warm up' : `round ${round} of ${rounds}`)
    const runs = [await run(round, false), await run(round, true)] as const
    // What did not pass took another way, and another time.
    const open = runs.flatMap(({ checks }) => checks).filter(({ outcome }) => outcome === 'fail' || outcome === 'blind').map(({ id, observed }) => `${id}: ${observed}`)
    if (open.length > 0) tell(`  not whole: ${open.join('; ')}`)
    if (round === 0 || open.length > 0) continue
    beside.push(runs[0])
    serial.push(runs[1])
  }
  const slowest = beside.at(-1)?.checks.toSorted((one, other) => other.ms - one.ms).slice(0, 3).map(({ id, ms }) => `${id} ${Math.round(ms)} ms`)
  return [{
    what: `smoke: ${suite.checks.length} checks on a lab`,
    unit: 'ms',
    ours: spread(beside.map(({ ms }) => ms)),
    peer: { name: 'the same checks one after the other', ...spread(serial.map(({ ms }) => ms)) },
    goals: [{ of: 'p50', ratio: 0.2 }, { of: 'p50', below: 3_000 }],
    notes: [`the slowest of the last round: ${slowest?.join(', ') ?? 'none'}`],
  }]
}
