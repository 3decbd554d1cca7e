import { lstat } from 'node:fs/promises'

/** For `.catch`: what is not there is undefined; what cannot be looked at is thrown, for that is no proof of anything. */
export function ignoreMissing (error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined
  throw error
}

/** Whether something has that name; a link counts, wherever it leads. */
export async function isThere (path: string): Promise<boolean> {
  return await lstat(path).catch(ignoreMissing) !== undefined
}

/** Those of some paths that are there. */
export async function thoseThere (paths: readonly string[]): Promise<string[]> {
  return (await Promise.all(paths.map(async path => await isThere(path) ? [path] : []))).flat()
}
