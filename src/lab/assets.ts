import { existsSync, mkdirSync } from 'node:fs'
import { writeOwned } from './base.js'
import type { LabUser } from './layout.js'

const files: Record<string, string> = {
  'style.css': 'body { font: 16px/1.5 sans-serif; margin: 2rem auto; max-width: 60rem }\n',
  'flag.svg': '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 3 2"><path fill="#c00" d="M0 0h3v2H0z"/><path fill="#fff" d="M0 0v2l2-1z"/></svg>\n',
}

/** The shop's static files, which Nginx serves: what a backup of files is of. Those that are there stay. */
export function makeAssets (base: string, user: LabUser | undefined): void {
  mkdirSync(`${base}/assets`, { recursive: true })
  for (const [name, text] of Object.entries(files)) {
    const path = `${base}/assets/${name}`
    if (!existsSync(path)) writeOwned(path, text, 0o644, user)
  }
}
