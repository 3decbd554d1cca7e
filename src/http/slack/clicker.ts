import type { Person } from '../../drill/people.js'
import { DrillError } from '../../errors.js'
import type { Slack, SlackUser } from '../../slack/client.js'
import type { Store } from '../../store/pool.js'
import { personById, personBySlackUser } from '../../store/people.js'
import { personIdByEmail } from '../../store/slack.js'

/** Who clicked or typed, as Slack says: the workspace (or organisation) and the user in it, never a name. */
export interface Clicker { workspace: string, user: string }

/** How long Slack's word about an account, and a person, are taken for what they were, ms. */
const freshMs = 30_000
/** For how long they still do, where Slack or the store does not answer, ms. */
const keptMs = 600_000

/** Slack users to people: by what an admin said, else by an e-mail address that the account has proven. */
export class Clickers {
  private readonly accounts = new Map<string, { account: SlackUser | undefined, atMs: number }>()
  private readonly people = new Map<string, { person: Person, atMs: number }>()

  constructor (private readonly store: Store, private readonly slack: Slack) {}

  /**
   * The person behind a Slack user.
   *
   * @param proven whether the account must be known to be alive: for all but what only stops things
   * @throws DrillError `slack.stranger`; `store.down`, `slack.down` where they cannot be asked, and were not lately
   */
  async personOf (clicker: Clicker, { proven }: { proven: boolean }): Promise<Person> {
    const id = `${clicker.workspace}:${clicker.user}`
    const known = this.people.get(id)
    try {
      const person = await this.find(clicker, id, proven)
      this.remember(this.people, id, { person, atMs: Date.now() })
      return person
    } catch (error) {
      // Stopping a drill must be possible while the store is down, for whoever was here a moment ago.
      const isDown = error instanceof DrillError && error.code === 'store.down'
      if (isDown && known && Date.now() - known.atMs < keptMs) return known.person
      this.people.delete(id)
      throw error
    }
  }

  private async find ({ user }: Clicker, id: string, proven: boolean): Promise<Person> {
    const linked = await personBySlackUser(this.store.pool, id)
    let account: SlackUser | undefined
    try {
      account = await this.account(user)
    } catch (error) {
      if (linked && !proven) return linked
      throw error
    }
    if (!account?.isActive) throw new DrillError('slack.stranger', 'this Slack account is deactivated, a bot, or of another company, so it may not act here')
    if (linked) return linked
    const owner = account.email === undefined ? undefined : await personIdByEmail(this.store.pool, account.email)
    const person = owner === undefined ? undefined : await personById(this.store.pool, owner)
    if (person) return person
    throw new DrillError('slack.stranger', `Muster does not know who you are, so nothing was done. Ask an admin to run: muster people link YOUR-ID --slack ${user}`)
  }

  private async account (user: string): Promise<SlackUser | undefined> {
    const known = this.accounts.get(user)
    if (known && Date.now() - known.atMs < freshMs) return known.account
    try {
      const account = await this.slack.user(user)
      this.remember(this.accounts, user, { account, atMs: Date.now() })
      return account
    } catch (error) {
      if (known && Date.now() - known.atMs < keptMs && error instanceof DrillError && error.retryable) return known.account
      throw error
    }
  }

  private remember<T> (map: Map<string, T>, key: string, value: T): void {
    if (map.size >= 1000) map.delete(map.keys().next().value!)
    map.set(key, value)
  }
}
