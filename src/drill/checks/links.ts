import type { Breakage } from '../actions/links.js'
import type { Duration } from '../duration.js'
import type { Link } from '../environment.js'
import type { CheckCatalog } from './facts.js'

/** What checks of links between components take. */
export interface LinkCheckInputs {
  /** `atLeast`: an answer later than this counts as none. */
  /** `how`: of what the link was broken by; lost packets are counted. */
  'link.broken': { link: Link, speaks: 'postgres' | 'redis', atLeast?: Duration, how?: Breakage }
}

export const linkChecks: CheckCatalog<LinkCheckInputs> = {
  'link.broken': {
    about: 'One question through a link is refused, not answered, or answered too late: proof that a fault of the network had its effect. With `how: loss` twenty are asked: the kernel must have dropped packets of theirs, and some must come late.',
    title: ({ link }) => `link ${link.proxy} is broken`,
    timeout: '90s',
  },
}
