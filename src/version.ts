import { readFileSync } from 'node:fs'

/** Of package.json, which lies above both `src` and `dist/src`. */
export const musterVersion: string = (() => {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version
    } catch {
      // The other one is there.
    }
  }
  return 'unknown'
})()
