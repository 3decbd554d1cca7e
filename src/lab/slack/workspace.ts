import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import type { Raw } from './block-kit.js'

export interface User { id: string, name: string, email?: string, isConfirmed?: boolean, deleted?: boolean, isBot?: boolean, isStranger?: boolean }
export interface Channel { id: string, name: string, isArchived?: boolean, isMember?: boolean }

export interface Message {
  ts: string
  channel: string
  text: string
  blocks: Raw[]
  threadTs?: string
  /** Shown in the channel too. */
  broadcast: boolean
  metadata?: Raw
  /** The bot's, or a person's. */
  user: string
  edits: number
}

/** Seen by one person, until they reload. */
export interface Whisper { user: string, channel: string, text: string, atMs: number }

export interface OpenModal { id: string, hash: string, user: string, view: Raw, errors: Record<string, string>, trouble?: string }

interface Trigger { user: string, atMs: number, spent: boolean }
interface ResponseUrl { user: string, channel: string, ts?: string, uses: number, atMs: number }

export const botUser = 'UMUSTER'
export const team = { id: 'T0DRILL', domain: 'drill' }

/** A workspace in memory: channels, messages, what each person sees alone. `changed` is emitted with each change. */
export class Workspace extends EventEmitter {
  readonly messages: Message[] = []
  readonly whispers: Whisper[] = []
  readonly modals = new Map<string, OpenModal>()
  version = 1
  private readonly triggers = new Map<string, Trigger>()
  private readonly responseUrls = new Map<string, ResponseUrl>()
  private lastS = 0
  private count = 0

  constructor (readonly users: User[], readonly channels: Channel[]) { super() }

  /** Slack's time of a message: Unix seconds and a number that makes it unique in its channel. */
  newTs (): string {
    const now = Math.floor(Date.now() / 1000)
    if (now > this.lastS) { this.lastS = now; this.count = 0 }
    return `${this.lastS}.${String(++this.count * 100 + 9).padStart(6, '0')}`
  }

  add (message: Omit<Message, 'ts' | 'edits'>): Message {
    const added = { ...message, ts: this.newTs(), edits: 0 }
    this.messages.push(added)
    this.change()
    return added
  }

  find (channel: string, ts: string): Message | undefined {
    return this.messages.find(message => message.channel === channel && message.ts === ts)
  }

  edit (message: Message, changes: Partial<Message>): void {
    Object.assign(message, changes, { edits: message.edits + 1 })
    this.change()
  }

  /** As a person deletes a message. */
  remove (ts: string): void {
    const index = this.messages.findIndex(message => message.ts === ts)
    if (index !== -1) this.messages.splice(index, 1)
    this.change()
  }

  whisper (user: string, channel: string, text: string): void {
    this.whispers.push({ user, channel, text, atMs: Date.now() })
    this.change()
  }

  user (id: string): User {
    const user = this.users.find(user => user.id === id)
    if (!user) throw new Error(`no user ${id} in the workspace`)
    return user
  }

  channel (idOrName: string): Channel | undefined {
    return this.channels.find(channel => channel.id === idOrName || `#${channel.name}` === idOrName || channel.name === idOrName)
  }

  newTrigger (user: string): string {
    const id = `${Date.now()}.${randomBytes(4).toString('hex')}`
    this.triggers.set(id, { user, atMs: Date.now(), spent: false })
    return id
  }

  /** Once, and within 3 s. */
  spendTrigger (id: string): { user: string } | { error: string } {
    const trigger = this.triggers.get(id)
    if (!trigger) return { error: 'invalid_trigger_id' }
    if (trigger.spent) return { error: 'exchanged_trigger_id' }
    if (Date.now() - trigger.atMs > 3000) return { error: 'expired_trigger_id' }
    trigger.spent = true
    return { user: trigger.user }
  }

  newResponseId (user: string, channel: string, ts?: string): string {
    const id = randomBytes(8).toString('hex')
    this.responseUrls.set(id, { user, channel, ts, uses: 0, atMs: Date.now() })
    return id
  }

  /** Five times, within 30 minutes. */
  useResponse (id: string): ResponseUrl | undefined {
    const known = this.responseUrls.get(id)
    if (!known || known.uses >= 5 || Date.now() - known.atMs > 1_800_000) return undefined
    known.uses++
    return known
  }

  openModal (user: string, view: Raw): OpenModal {
    const modal: OpenModal = { id: `V${randomBytes(4).toString('hex').toUpperCase()}`, hash: newHash(), user, view, errors: {} }
    this.modals.set(user, modal)
    this.change()
    return modal
  }

  changeModal (modal: OpenModal, changes: Partial<OpenModal>): void {
    Object.assign(modal, changes, changes.view ? { hash: newHash() } : {})
    this.change()
  }

  closeModal (user: string): void {
    this.modals.delete(user)
    this.change()
  }

  change (): void {
    this.version++
    this.emit('changed')
  }
}

function newHash (): string {
  return `${Math.floor(Date.now() / 1000)}.${randomBytes(4).toString('hex')}`
}
