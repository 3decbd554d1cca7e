/** The longest body that the shop takes. */
export const bodyLimitBytes = 32_768

/** What one instance of the shop is told, as a JSON file. It holds no secret. */
export interface StorefrontConfig {
  name: string
  port: number
  database: { host: string, port: number, user: string, database: string }
  redis: { host: string, port: number }
  /** Started as root: whom to become once the code is loaded. */
  user?: { uid: number, gid: number }
  sessionSeconds: number
  /** How long a catalogue answer may be old. */
  catalogueSeconds: number
  /** For each client (session, else address). */
  requestsPerTenSeconds: number
  /** Log-ins and sign-ups for each address and mail, over all instances. */
  attemptsPerMinute: number
  /** Mails to one address with a new password, over all instances. */
  resetsPerHour: number
}
