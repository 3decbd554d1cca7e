import type { Duration } from '../duration.js'
import type { ApiService, Control } from '../environment.js'
import type { ActionCatalog } from './facts.js'

/** What actions on a service and on components that are no more than processes take. */
export interface ServiceInputs {
  'api.break': { api: ApiService, instance: string, fault: 'kill' | 'hang' }
  'api.crashLoop': { api: ApiService, instance: string, for: Duration }
  'component.kill': { component: { name: string, control: Control } }
  'component.freeze': { component: { name: string, control: Control } }
}

export const serviceActions: ActionCatalog<ServiceInputs> = {
  'api.break': {
    about: 'Breaks one instance of the service: SIGKILL (`kill`) or SIGSTOP (`hang`) of its process tree. Its undo is proven by the instance’s own word that it is ready.',
    title: ({ instance, fault }) => `${fault} ${instance}`,
    undoTitle: ({ instance }) => `bring ${instance} back, until it says that it is ready`,
    byHand: ({ instance }) => `send SIGCONT to every process of ${instance}, or start it where it is dead`,
    isFault: true,
    isLeased: true,
    hits: ({ instance }) => [{ kind: 'api', name: instance }],
    timeout: '15s',
    undoTimeout: '45s',
  },
  'api.crashLoop': {
    about: 'Kills one instance of the service, starts it, and kills it again, until the time is over; then it stays dead.',
    title: ({ instance, for: length }) => `crash ${instance} again and again for ${length}`,
    undoTitle: ({ instance }) => `bring ${instance} back, until it says that it is ready`,
    byHand: ({ instance }) => `start ${instance}`,
    isFault: true,
    isLeased: true,
    hits: ({ instance }) => [{ kind: 'api', name: instance }],
    timeout: '90s',
    undoTimeout: '45s',
  },
  'component.kill': {
    about: 'SIGKILL of a component’s process tree.',
    title: ({ component }) => `kill ${component.name}`,
    undoTitle: ({ component }) => `start ${component.name} again`,
    byHand: ({ component }) => `start ${component.name}`,
    isFault: true,
    isLeased: true,
    hits: ({ component }) => [{ kind: 'component', name: component.name }],
    timeout: '15s',
    undoTimeout: '30s',
  },
  'component.freeze': {
    about: 'SIGSTOP of a component’s process tree.',
    title: ({ component }) => `freeze ${component.name}`,
    undoTitle: ({ component }) => `thaw ${component.name}`,
    byHand: ({ component }) => `send SIGCONT to every process of ${component.name}`,
    isFault: true,
    isLeased: true,
    hits: ({ component }) => [{ kind: 'component', name: component.name }],
    timeout: '15s',
    undoTimeout: '30s',
  },
}
