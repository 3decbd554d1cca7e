import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

// About 25 ms of one core: dear to guess, cheap enough for a shop.
const cost = { N: 8_192, r: 8, p: 1 }

export async function hashPassword (password: string): Promise<string> {
  const salt = randomBytes(16)
  return `${salt.toString('base64url')}.${(await derive(password, salt)).toString('base64url')}`
}

/** Takes as long for somebody unknown (no hash) as for a wrong password, so that nobody learns which mails exist. */
export async function isPassword (password: string, hash: string | undefined): Promise<boolean> {
  const [salt = '', key = ''] = (hash ?? '').split('.')
  const wanted = Buffer.from(key, 'base64url')
  const given = await derive(password, Buffer.from(salt, 'base64url'))
  return wanted.length === given.length && timingSafeEqual(given, wanted)
}

function derive (password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, 32, cost, (error, key) => { if (error === null) resolve(key); else reject(error) })
  })
}
