/** What a person may do; a person holds any number of them. */
export const roles = ['commander', 'approver', 'management', 'engineer', 'observer', 'admin'] as const
export type Role = typeof roles[number]

export interface Person {
  /** Short and stable, e.g. `ana`. */
  id: string
  name: string
  roles: Role[]
}

/** Through which door a message came. `signal` is break-glass: its sender is only claimed. */
export type Door = 'api' | 'slack' | 'page' | 'signal'
