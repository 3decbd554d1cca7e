import { existsSync, readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { writeOwned } from '../base.js'
import type { LabUser } from '../layout.js'

export interface Account { email: string, passwordFile: string }
export interface Accounts { admin: Account, customer: Account, drill: Account }

/** The ready-made people of the shop (`drill` orders during drills, and only then), each with a random password in a file that only the lab's user can read. */
export function makeSecrets (base: string, user: LabUser | undefined): Accounts {
  const account = (name: string): Account => {
    const passwordFile = `${base}/secrets/${name}-password`
    if (!existsSync(passwordFile)) writeOwned(passwordFile, `${randomBytes(18).toString('base64url')}\n`, 0o600, user)
    return { email: `${name}@storefront.example`, passwordFile }
  }
  return { admin: account('admin'), customer: account('customer'), drill: account('drill') }
}

export function readPassword (account: Account): string {
  return readFileSync(account.passwordFile, 'utf8').trim()
}
