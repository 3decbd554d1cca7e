import type { Duration } from '../duration.js'
import type { Link } from '../environment.js'
import type { ActionCatalog } from './facts.js'

/** How a link can be broken. */
export const breakages = ['cut', 'blackhole', 'latency', 'loss'] as const
export type Breakage = typeof breakages[number]

/** What actions on links between components take. */
export interface LinkInputs {
  'toxiproxy.cut': { link: Link }
  /** `way`: forth is from whoever opens the connection. `latency`: for `how: latency`. `loss`: percent of the packets, for `how: loss`. */
  'link.break': { link: Link, how: Breakage, way: 'both' | 'forth' | 'back', latency?: Duration, loss?: number }
}

export const linkActions: ActionCatalog<LinkInputs> = {
  'toxiproxy.cut': {
    about: 'Cuts one link: open connections are closed, new ones refused.',
    title: ({ link }) => `cut link ${link.proxy}`,
    undoTitle: ({ link }) => `heal link ${link.proxy}`,
    byHand: ({ link }) => `POST {"enabled":true} to ${link.toxiproxy}/proxies/${link.proxy}`,
    healsFirst: true,
    isLeased: true,
    hits: ({ link }) => [{ kind: 'link', name: link.proxy }],
    timeout: '10s',
    undoTimeout: '20s',
  },
  'link.break': {
    about: 'Breaks one link: `cut` (connections end, new ones are refused), `blackhole` (what is sent is swallowed), `latency` or `loss` (of packets, by the kernel), both ways or one.',
    title: ({ link, how, way, latency, loss }) => `${how === 'latency' ? `slow down link ${link.proxy} by ${latency}` : how === 'loss' ? `lose ${loss} % of the packets of link ${link.proxy}` : `${how} link ${link.proxy}`}${way === 'both' ? '' : `, ${way} only`}`,
    undoTitle: ({ link }) => `heal link ${link.proxy}`,
    byHand: ({ link, how }) => how === 'loss'
      ? 'run `iptables -S INPUT`, and for each line with muster-loss the same again with -D for -A'
      : `DELETE ${link.toxiproxy}/proxies/${link.proxy}/toxics/muster-forth and …/muster-back, and POST {"enabled":true} to ${link.toxiproxy}/proxies/${link.proxy}`,
    isFault: true,
    isLeased: true,
    healsFirst: true,
    hits: ({ link }) => [{ kind: 'link', name: link.proxy }],
    timeout: '10s',
    undoTimeout: '20s',
  },
}
