import type { LoadLive, LoadOverrides, LoadResult } from '../drill/load.js'

/** What the CLI uses of the load engine, as the entry file hands it over: a run on this machine, without Temporal or a store. */
export interface LoadDoor {
  /** Names of the scenarios that are there, in the order of a full series. */
  scenarios: string[]
  /** Throws `environment.unknown`, `scenario.unknown`, `load.refused` and the like before anything is sent. */
  run: (asked: LoadAsked, options: { signal: AbortSignal, onLive: (live: LoadLive) => void }) => Promise<LoadResult>
  liveText: (live: LoadLive) => string
  render: Record<'markdown' | 'html' | 'prometheus', (result: LoadResult) => string>
}

export interface LoadAsked { environment: string, scenario: string, overrides: LoadOverrides, allowProduction: boolean }
