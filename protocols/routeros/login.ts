import { createHash } from 'node:crypto'
import { RouterosError } from './errors.js'
import type { Reply } from './sentence.js'

/** The first sentence of a login: name and password in one, as routers since 6.43 take it. Send it over TLS. */
export function loginSentence(name: string, password: string): string[] {
  return ['/login', `=name=${name}`, `=password=${password}`]
}

/**
 * The second sentence, where an older router answered the first with a challenge (`=ret=`, hexadecimal).
 * @returns undefined when the router asked for nothing more: the login is done
 * @throws RouterosError `ROS_BAD_CHALLENGE`
 * @see MikroTik manual, «API: Initial login» (before 6.43)
 */
export function challengeSentence(name: string, password: string, reply: Reply): string[] | undefined {
  const challenge = reply.attributes['ret']
  if (challenge === undefined) return undefined
  if (!/^([0-9a-fA-F]{2})+$/.test(challenge)) throw new RouterosError('ROS_BAD_CHALLENGE')
  const digest = createHash('md5').update('\0').update(password).update(Buffer.from(challenge, 'hex')).digest('hex')
  return ['/login', `=name=${name}`, `=response=00${digest}`]
}
