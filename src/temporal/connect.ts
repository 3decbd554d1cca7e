import { Client, Connection } from '@temporalio/client'
import type { ClientConnectConfig } from '@temporalio/envconfig'
import { DrillError, messageOf } from '../errors.js'
import { searchAttributes } from '../../workflows/search-attributes.js'

export interface TemporalConnection {
  client: Client
  address: string
  namespace: string
  close: () => Promise<void>
}

/**
 * Connects as the configuration says, which holds what Temporal's own envconfig read. Lazy: an API that starts before Temporal
 * answers `temporal.down` until it is there.
 */
export function connectTemporal ({ connectionOptions, namespace = 'default' }: ClientConnectConfig): TemporalConnection {
  const address = connectionOptions.address ?? '127.0.0.1:7233'
  const connection = Connection.lazy({ ...connectionOptions, address, connectTimeout: '3s' })
  return {
    client: new Client({ connection, namespace }),
    address,
    namespace,
    close: async () => { await connection.close() },
  }
}

/** Makes the six search attributes known to the namespace; those that are there already stay. */
export async function registerSearchAttributes ({ client, namespace }: TemporalConnection): Promise<void> {
  const keyword = 2 // temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
  try {
    const { customAttributes } = await (client.connection as Connection).operatorService.listSearchAttributes({ namespace })
    const missing = Object.values(searchAttributes).map(key => key.name).filter(name => !(name in (customAttributes ?? {})))
    if (missing.length === 0) return
    await (client.connection as Connection).operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing.map(name => [name, keyword])) })
  } catch (error) {
    throw new DrillError('temporal.down', `Temporal’s search attributes could not be registered: ${messageOf(error)}`, { cause: error })
  }
}
