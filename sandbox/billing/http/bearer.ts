import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * A hook that lets only requests with this bearer token through; all others get 401. Digests are compared, in constant
 * time, so that neither length nor content of the token shows in how long it takes. RFC 6750 §2.1 and §3.
 */
export function requireBearer(token: string): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const wanted = digest(token)
  return async (request, reply) => {
    const given = /^Bearer ([^\s]{1,1024})$/i.exec(request.headers.authorization ?? '')?.[1]
    if (given !== undefined && timingSafeEqual(digest(given), wanted)) return
    await reply.header('www-authenticate', 'Bearer').unauthorized('a bearer token is needed')
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
