import { Type, type Static } from 'typebox'

// What Slack sends, as far as it is read. Keys that it may grow are taken and not looked at.

const open = { additionalProperties: true }
const text = Type.String({ maxLength: 3000 })
const id = Type.String({ minLength: 1, maxLength: 255 })
const Team = Type.Union([Type.Null(), Type.Object({ id }, open)])
const User = Type.Object({ id, team_id: Type.Optional(id) }, open)
const common = { user: User, team: Type.Optional(Team), enterprise: Type.Optional(Team), is_enterprise_install: Type.Optional(Type.Boolean()) }

export const interaction = Type.Object({ type: id, ...common }, open)

const Action = Type.Object({
  action_id: id, action_ts: Type.Optional(id), value: Type.Optional(Type.String({ maxLength: 2000 })),
  selected_option: Type.Optional(Type.Union([Type.Null(), Type.Object({ value: text }, open)])),
}, open)

const ViewFacts = { id, hash: Type.Optional(id), callback_id: id, private_metadata: text }
const Value = Type.Object({
  value: Type.Optional(Type.Union([Type.Null(), text])),
  selected_option: Type.Optional(Type.Union([Type.Null(), Type.Object({ value: text }, open)])),
  selected_options: Type.Optional(Type.Array(Type.Object({ value: text }, open))),
}, open)

export const messageClick = Type.Object({
  type: Type.Literal('block_actions'), ...common, trigger_id: id, response_url: Type.String({ maxLength: 2000 }), container: Type.Object({ message_ts: id, channel_id: id }, open), actions: Type.Array(Action, { minItems: 1 }),
}, open)
export const modalChoice = Type.Object({ type: Type.Literal('block_actions'), ...common, view: Type.Object(ViewFacts, open), actions: Type.Array(Action, { minItems: 1 }) }, open)
export const submission = Type.Object({
  type: Type.Literal('view_submission'), ...common, view: Type.Object({ ...ViewFacts, state: Type.Object({ values: Type.Record(Type.String(), Type.Record(Type.String(), Value)) }, open) }, open),
}, open)
export const shortcut = Type.Object({
  type: Type.Literal('message_action'), ...common, callback_id: id, response_url: Type.String({ maxLength: 2000 }), message_ts: id, channel: Type.Object({ id }, open),
  message: Type.Object({ text: Type.Optional(Type.String()), thread_ts: Type.Optional(id) }, open),
}, open)

export const commandForm = Type.Object({
  team_id: id, enterprise_id: Type.Optional(Type.String()), is_enterprise_install: Type.Optional(Type.String()), user_id: id,
  text: Type.String({ maxLength: 8000 }), trigger_id: id, response_url: Type.String({ maxLength: 2000 }),
}, open)

export const reaction = Type.Object({
  type: Type.Literal('event_callback'), team_id: id, event_id: id,
  event: Type.Object({ type: Type.Literal('reaction_added'), user: id, reaction: id, item: Type.Object({ type: Type.Literal('message'), channel: id, ts: id }, open) }, open),
}, open)

export type Interaction = Static<typeof interaction>
export type MessageClick = Static<typeof messageClick>
export type ModalChoice = Static<typeof modalChoice>
export type Submission = Static<typeof submission>
export type Shortcut = Static<typeof shortcut>
export type Reaction = Static<typeof reaction>
