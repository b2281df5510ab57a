import type { FastifyInstance } from 'fastify'
import { Rejections, RejectionsQuery } from '../schemas.js'
import { rejectionWire } from '../wire.js'
import type { RouteOptions } from './options.js'

/** Who was not let on, and why. */
export function rejectionRoutes(api: FastifyInstance, { view }: RouteOptions): void {
  const list = {
    summary: 'Who was not let on since the agent started, by who, where and why; the last first',
    querystring: RejectionsQuery,
    response: { 200: Rejections }
  }
  api.get<{ Querystring: RejectionsQuery }>('/v1/rejections', { schema: list }, request => ({
    rejections: view.rejections(request.query.limit ?? 50).map(rejectionWire)
  }))
}
