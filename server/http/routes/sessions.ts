import type { FastifyInstance } from 'fastify'
import { ApiError } from '../errors.js'
import { ById, SessionFilter, SessionList, Story } from '../schemas.js'
import { sessionWire, storyWire } from '../wire.js'
import type { RouteOptions } from './options.js'

/** Sessions, and how one came to its octets. */
export function sessionRoutes(api: FastifyInstance, { view }: RouteOptions): void {
  const list = { summary: 'Sessions, in pages', querystring: SessionFilter, response: { 200: SessionList } }
  api.get<{ Querystring: SessionFilter }>('/v1/sessions', { schema: list }, request => {
    const { items, cursor } = view.sessions({ ...request.query, limit: request.query.limit ?? 100 })
    return { sessions: items.map(sessionWire), ...(cursor !== undefined && { cursor }) }
  })
  const why = { summary: 'How a session came to its octets', params: ById, response: { 200: Story } }
  api.get<{ Params: ById }>('/v1/sessions/:id/why', { schema: why }, async request => {
    const story = await view.why(request.params.id)
    if (story === undefined) throw new ApiError('API_UNKNOWN', `There is no session «${request.params.id}».`)
    return storyWire(story)
  })
}
