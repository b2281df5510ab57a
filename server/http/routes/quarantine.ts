import type { FastifyInstance } from 'fastify'
import { Moved, Quarantine, ResendBody } from '../schemas.js'
import { quarantineWire } from '../wire.js'
import type { RouteOptions } from './options.js'

/** Events that billing refused, and another try. */
export function quarantineRoutes(api: FastifyInstance, { view, changing }: RouteOptions): void {
  const list = { summary: 'Events that billing refused', response: { 200: Quarantine } }
  api.get('/v1/quarantine', { schema: list }, async () => ({
    events: (await view.quarantine()).map(quarantineWire)
  }))
  const resend = { summary: 'Send refused events again', body: ResendBody, response: { 200: Moved } }
  api.post<{ Body: ResendBody }>('/v1/quarantine/resend', { schema: resend, config: changing }, async request => ({
    count: await view.resend(request.body.sequences)
  }))
}
