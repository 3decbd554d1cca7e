import type { Role } from '../drill/people.js'

/** What a drawing needs beside the timeline. */
export interface Surroundings {
  /** Without a slash at its end. */
  publicUrl: string
  nowMs: number
  /** Who holds one of the roles, as mentions where their Slack user is known, else by name: ready for mrkdwn. */
  mentions: (roles: Role[]) => string
}

/** The page of a drill that everybody looks at. */
export function runUrl ({ publicUrl }: Pick<Surroundings, 'publicUrl'>, drillId: string): string {
  return `${publicUrl}/drills/${encodeURIComponent(drillId)}`
}
