import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { hashPassword } from './passwords.js'

const plenty = 1_000_000

// Ship's goods. The last one is scarce, to see an order refused.
const goods: Array<[name: string, priceCents: number, stock: number]> = [
  ['Anchor chain, galvanised, 10 m', 8_990, plenty], ['Barometer, brass', 12_900, plenty], ['Bilge pump, hand', 5_450, plenty],
  ['Binoculars 7×50', 18_900, plenty], ['Boat hook, telescopic', 2_990, plenty], ['Bow fender', 3_490, plenty],
  ['Chart of the Baltic, paper', 2_450, plenty], ['Compass, hand bearing', 7_900, plenty], ['Distress flares, set of four', 6_490, plenty],
  ['Foghorn, aerosol', 1_890, plenty], ['Heaving line, 25 m', 2_190, plenty], ['Life jacket 150 N', 8_990, plenty],
  ['Lifebuoy with light', 7_450, plenty], ['Logbook, hard cover', 1_690, plenty], ['Muster list frame, A3', 3_950, plenty],
  ['Parallel ruler', 1_990, plenty], ['Rigging knife', 3_490, plenty], ['Signal mirror', 990, plenty],
  ['Whistle, pea-less', 450, plenty], ['Sextant, reconditioned', 89_000, 5],
]

/** Fills a shop that is empty; else does nothing. */
export async function seed (client: pg.Client, people: Record<'admin' | 'customer' | 'drill', { email: string, password: string }>): Promise<void> {
  const { rowCount } = await client.query('select 1 from products limit 1')
  if (rowCount !== 0) return
  const [admin, customer, drill] = await Promise.all([people.admin, people.customer, people.drill].map(({ password }) => hashPassword(password)))
  await client.query('begin')
  await client.query('insert into products (id, name, price_cents, initial_stock, stock) select id, name, price, stock, stock from unnest($1::int[], $2::text[], $3::int[], $4::int[]) as goods (id, name, price, stock)',
    [goods.map((_, index) => index + 1), goods.map(([name]) => name), goods.map(([, price]) => price), goods.map(([,, stock]) => stock)])
  const person = 'insert into customers (id, email, name, password_hash, role) values ($1, $2, $3, $4, $5)'
  await client.query(person, [randomUUID(), people.admin.email, 'Purser', admin, 'admin'])
  await client.query(person, [randomUUID(), people.customer.email, 'First customer', customer, 'customer'])
  await client.query(person, [randomUUID(), people.drill.email, 'Drill', drill, 'customer'])
  await client.query('commit')
}
