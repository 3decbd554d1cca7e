import { Type } from 'typebox'
import { DrillError } from '../../errors.js'
import { changingPeople } from '../../store/people-log.js'
import { linkEmail, linkSlackUser } from '../../store/slack.js'
import { personOf } from '../auth.js'
import type { App, AppDeps } from '../deps.js'
import { assertOwnVoice, known } from '../people.js'
import { answers, Strict } from '../schemas/answers.js'
import { PersonParams } from '../schemas/ids.js'

const none = Type.Null({ description: 'none any more' })
const SlackId = (letters: string, what: string) => Type.String({ pattern: `^[${letters}][A-Z0-9]{2,20}$`, description: what })

/** Which Slack user somebody is. A link is a way in with all of the person's rights. */
export function linkingRoutes (app: App, { store, slack }: AppDeps): void {
  app.put('/v1/people/:id/slack', {
    config: { right: 'people.manage' },
    schema: {
      operationId: 'linkSlack', tags: ['people'], summary: 'Which Slack user somebody is, or which e-mail address their Slack account must have proven',
      description: 'What is not given stays as it is; null takes it away. The workspace is that of the app unless it is named.',
      params: PersonParams, querystring: Strict({}),
      body: Strict({
        user: Type.Optional(Type.Union([SlackId('UW', 'a Slack user’s id, e.g. U0123456789'), none])),
        workspace: Type.Optional(SlackId('TE', 'id of their workspace or organisation, e.g. T0123456789')),
        email: Type.Optional(Type.Union([Type.String({ maxLength: 254, pattern: '^[^\\s@]+@[^\\s@]+$', description: 'an e-mail address' }), none])),
      }),
      response: answers({
        200: Type.Object({
          id: Type.String(),
          slackUser: Type.Optional(Type.Union([Type.String(), Type.Null()])),
          email: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        }),
      }),
    },
  }, async request => {
    const { id } = request.params
    const { user, workspace, email } = request.body
    const by = personOf(request)
    const person = await known(store, id)
    if (user || email) assertOwnVoice(person, by)
    const slackUser = user ? `${workspace ?? await ownWorkspace()}:${user}` : user
    await changingPeople(store.pool, by.id, async db => {
      if (slackUser !== undefined) await linkSlackUser(db, id, slackUser)
      if (email !== undefined) await linkEmail(db, id, email)
    })
    request.log.info({ person: by.id, of: id, slackUser }, 'Slack user set')
    return { id, ...slackUser === undefined ? {} : { slackUser }, ...email === undefined ? {} : { email: email?.toLowerCase() ?? null } }
  })

  async function ownWorkspace (): Promise<string> {
    if (!slack) throw new DrillError('input.invalid', 'body/workspace must be there: this Muster has no Slack that it could ask (MUSTER_SLACK_TOKEN)')
    return (await slack.slack.whoAmI()).workspace
  }
}
