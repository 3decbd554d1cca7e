// Debian packages, unpacked into the cache: no root, no service started, nothing of the machine's own changed.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { command, lastWords } from './command.mjs'
import { SetupFault } from './fault.mjs'
import { share } from './progress.mjs'

// Kept from the machine's apt configuration: how to reach the archive. Its hooks are not: after an update they would
// refresh other programs' caches.
const kept = /^(Acquire|Dir::Etc|APT::(Architecture|Default-Release))\b/

export class Debian {
  #cache
  #apt
  #updated

  constructor (cache) {
    this.#cache = cache
    this.#apt = join(cache, 'apt')
  }

  /** Lists of packages, fetched once a run into a folder of our own. */
  update (tell) {
    this.#updated ??= this.#fetchLists(tell)
    return this.#updated
  }

  async #fetchLists (tell) {
    tell('reading Debian’s package lists')
    for (const dir of ['lists/partial', 'archives/partial', 'empty']) mkdirSync(join(this.#apt, dir), { recursive: true })
    const { stdout } = await command('apt-config', ['dump'])
    const lines = stdout.split('\n').filter(line => kept.test(line) && !/^Dir::Etc::(main|parts)\b/.test(line))
    writeFileSync(join(this.#apt, 'apt.conf'), [
      ...lines,
      `Dir::State "${this.#apt}/";`,
      `Dir::State::Lists "${this.#apt}/lists/";`,
      'Dir::State::status "/var/lib/dpkg/status";',
      `Dir::Cache "${this.#apt}/";`,
      `Dir::Etc::parts "${this.#apt}/empty";`,
      'Dir::Etc::main "/dev/null";',
      // As root apt would download as _apt, who may not write here.
      'APT::Sandbox::User "root";',
      'Acquire::Languages "none";',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
      'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";',
      'Acquire::Retries "2";',
      'Acquire::http::Timeout "20";',
      'Acquire::https::Timeout "20";',
      '',
    ].join('\n'))
    const { code, all } = await this.#run('apt-get', ['update'])
    // A source of somebody else's may be down: what counts is whether our packages are in the lists.
    if (!readdirSync(join(this.#apt, 'lists')).some(file => file.includes('_Packages'))) {
      throw new SetupFault(`Debian’s package lists could not be read (apt-get update, exit ${code}: ${lastWords(all)}): check the network and /etc/apt/sources.list*, then run npm run setup again`)
    }
  }

  /**
   * A tree for each family: its packages and those libraries of theirs that the machine lacks. All are downloaded in
   * one go; what a killed setup has downloaded is still there for the next, and apt goes on in the middle of a file.
   */
  async trees (families, tell) {
    await this.update(tell)
    tell('resolving libraries')
    const wanted = new Map()
    for (const { name, packages } of families) wanted.set(name, await this.#withLibraries(packages))
    const all = new Map([...wanted.values()].flat().map(one => [one.name, one]))
    const downloads = join(this.#cache, 'downloads')
    mkdirSync(downloads, { recursive: true })
    const total = [...all.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    const files = [...all.values()].map(({ file }) => join(downloads, file))
    tell(`downloading ${all.size} Debian packages`, () => share(sizeOf(files), total))
    const { code, all: said } = await this.#run('apt-get', ['download', ...all.keys()], downloads)
    if (code !== 0) throw new SetupFault(`The Debian packages ${[...all.keys()].join(' ')} could not be downloaded (apt-get download: ${lastWords(said)}): check the network, then run npm run setup again`)

    let left = families.length
    tell('unpacking', () => `${left} of ${families.length} left`)
    const trees = await Promise.all(families.map(async ({ name, drop }) => {
      const dir = await this.#unpack(name, wanted.get(name).map(({ file }) => join(downloads, file)), drop)
      left--
      return [name, dir]
    }))
    for (const file of files) rmSync(file, { force: true })
    return { dirs: Object.fromEntries(trees), bytes: total }
  }

  async #unpack (name, files, drop = []) {
    const dir = treeDir(this.#cache, name)
    const fresh = `${dir}.new`
    rmSync(fresh, { recursive: true, force: true })
    mkdirSync(fresh, { recursive: true })
    for (const file of files) {
      const { code, all } = await command('dpkg-deb', ['-x', file, fresh])
      if (code !== 0) throw new SetupFault(`${file} could not be unpacked in ${fresh} (${lastWords(all)}): free some space there, then run npm run setup again`)
    }
    for (const path of drop) rmSync(join(fresh, path), { recursive: true, force: true })
    rmSync(dir, { recursive: true, force: true })
    renameSync(fresh, dir)
    return dir
  }

  /** When all is unpacked: the lists are 20 MB and stale tomorrow. */
  clean () {
    for (const dir of [this.#apt, join(this.#cache, 'downloads')]) rmSync(dir, { recursive: true, force: true })
  }

  async #withLibraries (packages) {
    const installed = await this.#installed()
    const wanted = new Map()
    for (let open = packages; open.length > 0;) {
      const found = await this.#describe(open)
      const next = []
      for (const name of open) {
        const about = found.get(name)
        // A virtual package, or one that only another distribution has.
        if (!about && !packages.includes(name)) continue
        if (!about) throw new SetupFault(`Debian’s lists have no package ${name}: /etc/apt/sources.list* must name bookworm main, then run npm run setup again`)
        wanted.set(name, about)
        for (const library of about.libraries) {
          if (!installed.has(library) && !wanted.has(library) && !next.includes(library)) next.push(library)
        }
      }
      open = next
    }
    return [...wanted.values()]
  }

  async #describe (names) {
    const { stdout } = await this.#run('apt-cache', ['show', '--no-all-versions', ...names])
    const found = new Map()
    for (const text of stdout.split(/\n\n+/)) {
      const field = name => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1]
      const name = field('Package')
      if (!name) continue
      const depends = [field('Pre-Depends'), field('Depends')].filter(Boolean).join(', ').split(',')
      // Only shared libraries matter for a program that is not installed; libllvm: see pins.mjs.
      const libraries = depends.map(one => one.trim().split(/[ :(|]/)[0])
        .filter(one => one.startsWith('lib') && !/^lib(js-|llvm|c6$|c-bin)|-(perl|dev)$/.test(one))
      const file = `${name}_${field('Version').replaceAll(':', '%3a')}_${field('Architecture')}.deb`
      found.set(name, { name, file, bytes: Number(field('Size')), libraries })
    }
    return found
  }

  async #installed () {
    // eslint-disable-next-line no-template-curly-in-string -- dpkg-query's own syntax
    const { stdout } = await command('dpkg-query', ['-W', '-f', '${db:Status-Abbrev} ${Package}\n'])
    return new Set(stdout.split('\n').filter(line => line.startsWith('ii')).map(line => line.slice(2).trim()))
  }

  #run (file, args, cwd) {
    return command(file, args, { cwd, env: { ...process.env, LC_ALL: 'C', APT_CONFIG: join(this.#apt, 'apt.conf'), DEBIAN_FRONTEND: 'noninteractive' } })
  }
}

export function treeDir (cache, name) {
  return join(cache, 'debian', name.replaceAll(' ', '-'))
}

function sizeOf (files) {
  return files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0)
}
