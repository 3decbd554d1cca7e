import Type from 'typebox'
import type { NotifyStep } from '../../drill/runbook.js'
import { list, matching, text } from '../pieces.js'
import { didYouMean } from '../nearest.js'
import { stepSchema, type Kind } from './kind.js'

const about = 'Tells people. “THIS IS A DRILL” is put before the message.'

export const notify: Kind<NotifyStep> = {
  about,
  schema: matching<NotifyStep>()(stepSchema('notify', about, {
    message: text('What to say.'),
    channels: Type.Optional(list(text('Name of a channel.'), 'Names of the environment’s channels. Default: all.')),
  })),
  hasOutput: false,
  rules (step, { known, report }) {
    for (const environment of known.environments ?? []) {
      const there = Object.keys(environment.channels ?? {})
      for (const [index, channel] of (step.channels ?? []).entries()) {
        if (!channel.includes('{{') && !there.includes(channel)) {
          report(`/channels/${index}`, `environment ${environment.name} has no channel "${channel}"`, didYouMean(channel, there))
        }
      }
    }
  },
}
