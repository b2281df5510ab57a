import type { FastifyInstance } from 'fastify'
import { EnforcementFilter, EnforcementList, Moved } from '../schemas.js'
import { enforcementWire } from '../wire.js'
import type { RouteOptions } from './options.js'

/** Billing's decisions on their way to the network, and the brake that holds too many of them. */
export function decisionRoutes(api: FastifyInstance, { view, changing }: RouteOptions): void {
  const list = {
    summary: 'Steps of enforcements, newest first',
    querystring: EnforcementFilter,
    response: { 200: EnforcementList }
  }
  api.get<{ Querystring: EnforcementFilter }>('/v1/enforcements', { schema: list }, request => {
    const notices = view.enforcements({ ...request.query, limit: request.query.limit ?? 100 })
    return { enforcements: notices.map(enforcementWire) }
  })
  const release = { summary: 'Let the blocks go that the brake holds', response: { 200: Moved } }
  api.post('/v1/brakes/release', { schema: release, config: changing }, async () => ({
    count: await view.releaseBrake()
  }))
}
