import { Option, type Command } from 'commander'
import { roles, type Role } from '../drill/people.js'
import type { Run } from './program.js'
import { print, printJson } from './shell.js'
import { tableLines } from './table.js'
import { clean } from './text.js'

interface Listed { id: string, name: string, roles: Role[], keys?: Array<{ id: string, label?: string, revokedAt?: string | null, expiresAt?: string | null }> }

/** people list, add, revoke: who may do what. */
export function addPeople (program: Command, run: Run): void {
  const people = program.command('people').description('who may start, decide and watch')
  people.command('list').description('everybody, with their roles and keys')
    .action(run<[]>(() => ({}), async shell => {
      const answer = await shell.api.get<{ people: Listed[] }>('v1/people')
      if (shell.json) return printJson(shell, answer)
      const rows = answer.people.map(person => [person.id, clean(person.name), person.roles.join(', '), (person.keys ?? []).filter(key => key.revokedAt == null).map(key => key.id.slice(0, 8)).join(' ')])
      print(shell, ...tableLines(['id', 'name', 'roles', 'keys'], rows, shell.paint))
    }))
  people.command('add').argument('<ID>', 'short and stable, e.g. ana').description('add somebody; prints their key, once')
    .option('--name <text>', 'as reports show it')
    .addOption(new Option('--role <role...>', `any of ${roles.join(', ')}`).choices(roles).makeOptionMandatory())
    .action(run<[string, { name?: string, role: Role[] }]>(() => ({ command: 'people add' }), async (shell, id, options) => {
      const answer = await shell.api.post<{ key?: string }>('v1/people', { id, name: options.name ?? id, roles: options.role })
      if (shell.json) return printJson(shell, answer)
      print(shell, `${shell.paint('green', '✓')} ${id} is ${options.role.join(', ')}`)
      if (answer.key !== undefined) print(shell, `  key, shown this once: ${answer.key}`, `→ export MUSTER_KEY=${answer.key}`)
    }))
  people.command('revoke').argument('<ID>', 'person').description('their keys open nothing any more')
    .action(run<[string]>(() => ({ command: 'people revoke' }), async (shell, id) => {
      const answer = await shell.api.delete<{ revoked: string[] }>(`v1/people/${encodeURIComponent(id)}/keys`)
      if (shell.json) return printJson(shell, answer)
      print(shell, `${shell.paint('green', '✓')} ${answer.revoked.length} ${answer.revoked.length === 1 ? 'key' : 'keys'} of ${id} revoked`)
    }))
}
