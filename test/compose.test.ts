import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { parse } from 'yaml'
import { runCli } from './fixtures/api.js'

interface Service {
  image: string
  build?: { target: string }
  command?: string[]
  ports?: string[]
  volumes?: string[]
  read_only?: boolean
  cap_drop?: string[]
  depends_on?: Record<string, unknown>
  profiles?: string[]
}

// Compose's own check needs Compose; what only Muster can know about the file is looked at here.
const { services } = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as { services: Record<string, Service> }
const ours = Object.entries(services).filter(([, { image }]) => image.startsWith('muster'))

test('every port is published on this machine only', () => {
  const ports = Object.values(services).flatMap(({ ports = [] }) => ports)
  assert.ok(ports.length > 0, 'no port is published')
  for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/)
})

test('every image is of one version', () => {
  for (const { image } of Object.values(services)) assert.match(image, /:\d+\.\d+(\.\d+)?(-[a-z]+)?$/)
})

test('what every service waits for is a service, and what it mounts from here is there', () => {
  for (const [name, { depends_on: waitsFor = {}, volumes = [] }] of Object.entries(services)) {
    for (const other of Object.keys(waitsFor)) assert.ok(other in services, `${name} waits for ${other}, which is no service`)
    for (const path of volumes.map(volume => volume.split(':')[0]!).filter(path => path.startsWith('.'))) assert.ok(existsSync(path), `${name} mounts ${path}, which is not there`)
  }
})

test('Muster’s own services may write nothing but their volume, without privileges, and are targets of the Dockerfile', () => {
  const targets = [...readFileSync('Dockerfile', 'utf8').matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, target]) => target)
  assert.deepEqual(ours.map(([name]) => name).sort(), ['api', 'first-people', 'lab', 'migrate', 'watchdog', 'worker'])
  for (const [name, service] of ours) {
    assert.equal(service.read_only, true, name)
    assert.deepEqual(service.cap_drop, ['ALL'], name)
    assert.ok(targets.includes(service.build?.target), `${name} is built as ${service.build?.target}, which the Dockerfile does not have`)
  }
})

test('each of Muster’s services runs a command that its CLI has', async () => {
  for (const [name, { command }] of ours) {
    if (command === undefined) continue
    const { code, err } = await runCli([...command, '--help'], 'http://127.0.0.1:1')
    assert.equal(code, 0, `${name}: muster ${command.join(' ')}: ${err}`)
  }
})
