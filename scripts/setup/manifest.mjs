// tools.json in the cache: what setup found or made. src/tools.ts reads it; a later setup only compares it.
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

function manifestPath (cache) {
  return join(cache, 'tools.json')
}

export function readManifest (cache, pins) {
  try {
    const manifest = JSON.parse(readFileSync(manifestPath(cache), 'utf8'))
    return manifest.pins === pins ? manifest : undefined
  } catch {
    return undefined
  }
}

/** A tool is known as long as its file is the one that was tried: a machine's package may be upgraded under us. */
export function known (manifest, name) {
  const tool = manifest?.tools[name]
  return tool !== undefined && tool.mark === mark(tool.path)
}

export function writeManifest (cache, pins, tools) {
  const marked = Object.fromEntries(Object.entries(tools).sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, { path, version, env = {} }]) => [name, { path, version, env, mark: mark(path) }]))
  const path = manifestPath(cache)
  writeFileSync(`${path}.new`, JSON.stringify({ pins, made: new Date().toISOString(), tools: marked }, null, 2) + '\n')
  renameSync(`${path}.new`, path)
}

function mark (path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat && `${stat.size} ${Math.floor(stat.mtimeMs)}`
}
