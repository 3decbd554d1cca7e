// Toxiproxy, the network that can be broken: compiled from its Go module, as nothing else carries it.
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { command, lastWords } from './command.mjs'
import { SetupFault } from './fault.mjs'
import { onPath, probe, runnable } from './machine.mjs'

function pathOf (cache, version) {
  return join(cache, 'toxiproxy', version, 'toxiproxy-server')
}

export async function findToxiproxy (cache, pin) {
  const found = onPath('toxiproxy-server')
  if (found) {
    const { version } = await probe(found)
    if (version && pin.major.test(version)) return { path: found, version }
  }
  for (const version of [pin.version, pin.olderVersion]) {
    const path = pathOf(cache, version)
    if (runnable(path)) return { path, version }
  }
  return undefined
}

/** The machine's own Go, where it is new enough. */
export async function findGo (pin) {
  const go = onPath('go') ?? ['/usr/local/go/bin/go', '/usr/lib/go/bin/go'].find(runnable)
  if (!go) return undefined
  const { version } = await probe(go, ['version'])
  const [major, minor] = (version ?? '0.0').split('.').map(Number)
  return major > pin.go[0] || (major === pin.go[0] && minor >= pin.go[1]) ? go : undefined
}

export async function getToxiproxy (cache, pin, debian, tell) {
  const go = await findGo(pin)
  if (go) return build({ cache, pin, version: pin.version, go, env: {}, tell })
  tell('no Go 1.23 here: fetching Debian’s Go')
  const { dirs: { go: dir } } = await debian.trees([{ name: 'go', packages: pin.olderGo.packages }], tell)
  try {
    const root = join(dir, pin.olderGo.root)
    return await build({ cache, pin, version: pin.olderVersion, go: join(root, 'bin/go'), env: { GOROOT: root, GOTOOLCHAIN: 'local' }, tell })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function build ({ cache, pin, version, go, env, tell }) {
  const path = pathOf(cache, version)
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const scratch = join(dirname(dirname(path)), 'new')
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch)
  try {
    tell(`compiling ${version} from its Go module`)
    // A Go that goes again leaves no caches behind either; read-only modules could not be removed.
    const ownGo = env.GOROOT ? { GOPATH: join(scratch, 'path'), GOCACHE: join(scratch, 'cache'), GOFLAGS: '-mod=mod -modcacherw' } : {}
    const { code, all } = await command(go, ['install', `${pin.module}@v${version}`], {
      env: { ...process.env, GOFLAGS: '-mod=mod', ...env, ...ownGo, GOBIN: scratch, CGO_ENABLED: '0' },
    })
    if (code !== 0) {
      throw new SetupFault(`Toxiproxy ${version} could not be compiled (go install ${pin.module}@v${version}: ${lastWords(all)}): check the network and GOPROXY, or put a toxiproxy-server on PATH, then run npm run setup again`)
    }
    renameSync(join(scratch, 'server'), path)
    return { path, version }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
