/** What the CLI uses of the lab, as the entry file hands it over: src/lab itself is for entry files and tests. */
export interface LabDoor {
  labUp: (options: {
    name?: string
    root: string
    synchronous?: boolean
    volumes?: boolean
    webhook?: { url: string, credentialsFile: string }
    onProgress?: (line: string) => void
  }) => Promise<Lab>
  labDown: (root: string, name?: string, options?: { keepData?: boolean, onProgress?: (line: string) => void }) => Promise<void>
  labStatus: (root: string, name?: string) => Promise<LabStatus>
  labList: (root: string) => Promise<LabStatus[]>
}

interface Lab { name: string, environment: { name: string }, environmentFile: string, ports: Record<string, number>, synchronous: boolean }

interface LabStatus {
  name: string
  base: string
  state: 'running' | 'partly' | 'stopped'
  servers: Array<{ name: string, port: number, pid?: number, state: string }>
  database: Array<{ name: string, role: string, standby?: { name: string, syncState: string } }>
}
