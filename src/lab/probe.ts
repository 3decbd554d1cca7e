import { connect } from 'node:net'
import { request } from 'node:http'

/** Whether something accepts a connection on 127.0.0.1. */
export function accepts (port: number, timeoutMs = 500): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    const end = (result: boolean): void => { socket.destroy(); resolve(result) }
    socket.setTimeout(timeoutMs, () => { end(false) })
    socket.once('connect', () => { end(true) })
    socket.once('error', () => { end(false) })
  })
}

/** Whether a GET on 127.0.0.1 is answered with 2xx. */
export function answersHttp (port: number, path: string, timeoutMs = 1_000): Promise<boolean> {
  return new Promise((resolve) => {
    const get = request({ host: '127.0.0.1', port, path, agent: false, timeout: timeoutMs }, (response) => {
      response.resume()
      const status = response.statusCode ?? 0
      resolve(status >= 200 && status < 300)
    })
    get.once('timeout', () => { get.destroy(); resolve(false) })
    get.once('error', () => { resolve(false) })
    get.end()
  })
}

/** Sends one inline command to Redis and answers whether the reply begins with a text. */
export function answersRedis (port: number, command: string, reply: string, timeoutMs = 500): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => { socket.write(`${command}\r\n`) })
    const end = (result: boolean): void => { socket.destroy(); resolve(result) }
    socket.setTimeout(timeoutMs, () => { end(false) })
    socket.once('data', (data) => { end(data.toString('latin1').startsWith(reply)) })
    socket.once('error', () => { end(false) })
  })
}
