import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino'

/** Where secrets could stand in what is logged: paths for pino, one and two levels deep, replaced before a line is written. */
const secretNames = ['authorization', 'cookie', 'key', 'apiKey', 'password', 'secret', 'token', 'storeUrl', 'connectionString', 'dsn', 'webhook', 'signingSecret', 'responseUrl', 'response_url']
export const redactPaths = [
  ...secretNames.flatMap(name => [name, `*.${name}`, `*.*.${name}`]),
  'req.headers["x-api-key"]',
  'headers["set-cookie"]',
]

/** `postgres://user:password@host` and keys of ours, wherever they stand in a text. */
const secretTexts: Array<[RegExp, string]> = [
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi, '$1[redacted]@'],
  [/\bmst_[A-Za-z0-9_-]+/g, 'mst_[redacted]'],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '[token redacted]'],
  // Not the `Bearer mst_…` and `Bearer …` of our own advice.
  [/\bBearer\s+(?!(?:mst_)?…)[^\s"']+/gi, 'Bearer [redacted]'],
  [/\bxox[a-z]-[A-Za-z0-9-]+/g, 'xox-[redacted]'],
  [/(https:\/\/hooks\.slack\.com\/)[^\s"']+/gi, '$1[redacted]'],
]

/** A text without connection passwords and keys: errors of drivers quote them. */
export function redactText (text: string): string {
  return secretTexts.reduce((result, [pattern, by]) => result.replace(pattern, by), text)
}

/**
 * Options of the one logger of a process, for pino and Fastify. JSON on standard output; lines for people only where asked for and
 * where standard output is a terminal.
 */
export function logOptions (config: { logLevel: string, logPretty: boolean }, isTerminal: boolean): LoggerOptions {
  return {
    level: config.logLevel,
    redact: { paths: redactPaths, censor: '[redacted]' },
    hooks: {
      logMethod (args, method) {
        method.apply(this, args.map(arg => typeof arg === 'string' ? redactText(arg) : arg) as Parameters<typeof method>)
      },
    },
    serializers: { err: logError, error: logError },
    ...(config.logPretty && isTerminal ? { transport: { target: 'pino-pretty', options: { translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname' } } } : {}),
  }
}

/**
 * Standard output as a place for a log that may fail: where it takes nothing (a full disk) its process goes on.
 * @param keptBytes what is kept of the log until there is room again; what is beyond is dropped
 */
export function standardOutput (keptBytes: number): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: keptBytes })
  output.on('error', () => {})
  return output
}

/** The one logger of a process. The watchdog and a drill's undo matter more than their log. */
export function createLog (config: { logLevel: string, logPretty: boolean }, isTerminal: boolean): Logger {
  const options = logOptions(config, isTerminal)
  if (options.transport) return pino(options)
  return pino(options, standardOutput(256 * 1024))
}

/** An error for a log line: what happened and where, but not the driver's own fields (they hold queries and parameters). */
export function logError (error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: redactText(String(error)) }
  const { code } = error as { code?: unknown }
  return {
    type: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    message: redactText(error.message),
    stack: redactText(error.stack ?? ''),
    ...(error.cause === undefined ? {} : { cause: logError(error.cause) }),
  }
}
