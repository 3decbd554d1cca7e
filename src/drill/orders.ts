/**
 * The account of orders of a drill's customers. What an order is for tells which one it is: its number, in base 9, is how much of each of
 * six products it holds. So an order that arrived twice is seen, whatever else the service makes of it.
 */
export interface OrderAccount {
  issued: number
  /** Answered 201. */
  placed: number
  /** Placed and not there. */
  lost: number
  /** Refused and not there, as it should be. */
  refused: number
  /** Refused, and there all the same. */
  refusedThere: number
  /** No answer until the customer gave up. */
  unknown: number
  unknownThere: number
  /** There more than once. */
  doubled: number
  /** There, and sent by none of the drill's customers. */
  alien: number
  /** Sent again. */
  resent: number
}

/** One order as the drill's own record has it. */
export interface SentOrder {
  number: number
  customer: number
  issuedAtMs: number
  /** `unknown` also for one whose outcome was never written down, since its worker died. */
  outcome: 'placed' | 'refused' | 'unknown'
  settledAtMs?: number
  resent: number
}

export interface OrderLine { productId: number, quantity: number }

const base = 9
const digits = 6
/** How many orders of one drill can be told apart. */
export const orderNumbers = base ** digits

/** What order `number` is for. `products`: six ids. */
export function orderLines (products: readonly number[], number: number): OrderLine[] {
  return products.slice(0, digits).map((productId, place) => ({ productId, quantity: Math.floor(number / base ** place) % base + 1 }))
}

/** The number of an order, or undefined where it is none of a drill's. */
export function orderNumber (products: readonly number[], lines: readonly OrderLine[]): number | undefined {
  let number = 0
  for (const [place, productId] of products.slice(0, digits).entries()) {
    const line = lines.find(line => line.productId === productId)
    if (!line || line.quantity < 1 || line.quantity > base) return undefined
    number += (line.quantity - 1) * base ** place
  }
  return lines.length === digits ? number : undefined
}

/** `found`: the number of each order that is there, undefined for one that has none; each as often as it is there. */
export function accountForOrders (sent: readonly SentOrder[], found: ReadonlyArray<number | undefined>): OrderAccount {
  const times = new Map<number | undefined, number>()
  for (const number of found) times.set(number, (times.get(number) ?? 0) + 1)
  const isThere = ({ number }: SentOrder): boolean => times.has(number)
  const numbers = new Set<number | undefined>(sent.map(order => order.number))
  const of = (outcome: SentOrder['outcome']): SentOrder[] => sent.filter(order => order.outcome === outcome)
  return {
    issued: sent.length,
    placed: of('placed').length,
    lost: of('placed').filter(order => !isThere(order)).length,
    refused: of('refused').filter(order => !isThere(order)).length,
    refusedThere: of('refused').filter(isThere).length,
    unknown: of('unknown').length,
    unknownThere: of('unknown').filter(isThere).length,
    doubled: [...times].filter(([number, count]) => numbers.has(number) && count > 1).length,
    alien: found.filter(number => !numbers.has(number)).length,
    resent: sent.reduce((sum, order) => sum + order.resent, 0),
  }
}
