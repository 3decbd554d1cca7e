import { Agent, request, type Dispatcher } from 'undici'
import { DrillError, messageOf } from '../errors.js'
import { bounded } from './command.js'
import type { RunResult } from './control.js'

/** The engine's HTTP API on its unix socket: the newest version that it speaks. */
export interface Engine {
  /** The answer whatever its status; throws `control.failed` where the engine cannot be reached. */
  request: (method: Dispatcher.HttpMethod, path: string, body?: unknown, signal?: AbortSignal) => Promise<{ status: number, text: string }>
  /** Throws `control.failed` on any status from 300 on. */
  must: (method: Dispatcher.HttpMethod, path: string, body?: unknown, signal?: AbortSignal) => Promise<string>
  json: <T>(method: Dispatcher.HttpMethod, path: string, body?: unknown, signal?: AbortSignal) => Promise<T>
  /** An output stream in the engine's 8-byte frames, read to its end. */
  frames: (method: Dispatcher.HttpMethod, path: string, body: unknown, maxBytes: number, signal?: AbortSignal) => Promise<Omit<RunResult, 'exitCode'>>
}

const agents = new Map<string, Agent>()

export function dockerEngine (socketPath: string): Engine {
  async function send (method: Dispatcher.HttpMethod, path: string, body: unknown, signal?: AbortSignal): Promise<Dispatcher.ResponseData> {
    let dispatcher = agents.get(socketPath)
    if (!dispatcher) agents.set(socketPath, dispatcher = new Agent({ connect: { socketPath }, headersTimeout: 0, bodyTimeout: 0 }))
    try {
      return await request(`http://docker${path}`, {
        method, dispatcher, signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
    } catch (error) {
      if (signal?.aborted) throw error
      throw new DrillError('control.failed', `The Docker engine at ${socketPath} does not answer: ${messageOf(error)}`, { cause: error })
    }
  }

  async function must (method: Dispatcher.HttpMethod, path: string, body?: unknown, signal?: AbortSignal): Promise<string> {
    const response = await send(method, path, body, signal)
    const text = await response.body.text()
    if (response.statusCode >= 300) throw new DrillError('control.failed', `The Docker engine answered ${response.statusCode} to ${method} ${path.split('?')[0]}: ${text.slice(0, 300)}`)
    return text
  }

  return {
    must,
    async request (method, path, body, signal) {
      const response = await send(method, path, body, signal)
      return { status: response.statusCode, text: await response.body.text() }
    },
    async json<T> (method: Dispatcher.HttpMethod, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
      return JSON.parse(await must(method, path, body, signal)) as T
    },
    async frames (method, path, body, maxBytes, signal) {
      const response = await send(method, path, body, signal)
      if (response.statusCode >= 300) throw new DrillError('control.failed', `The Docker engine answered ${response.statusCode} to ${method} ${path.split('?')[0]}: ${(await response.body.text()).slice(0, 300)}`)
      return readFrames(response.body, maxBytes)
    },
  }
}

/** Frames of `[stream, 0, 0, 0, length as 4 bytes]` and the bytes, parted over chunks in any way. Stream 2 is stderr. */
export async function readFrames (chunks: AsyncIterable<Buffer>, maxBytes: number): Promise<Omit<RunResult, 'exitCode'>> {
  const stdout = bounded(maxBytes)
  const stderr = bounded(maxBytes)
  let header = Buffer.alloc(0)
  let stream = stdout
  let left = 0
  for await (let chunk of chunks) {
    while (chunk.length > 0) {
      if (left === 0) {
        const part = chunk.subarray(0, 8 - header.length)
        header = Buffer.concat([header, part])
        chunk = chunk.subarray(part.length)
        if (header.length < 8) continue
        stream = header[0] === 2 ? stderr : stdout
        left = header.readUInt32BE(4)
        header = Buffer.alloc(0)
      } else {
        stream.add(chunk.subarray(0, left))
        const taken = Math.min(left, chunk.length)
        left -= taken
        chunk = chunk.subarray(taken)
      }
    }
  }
  return { stdout: stdout.text(), stderr: stderr.text(), truncated: stdout.full() || stderr.full() }
}
