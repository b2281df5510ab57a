import type { FastifyInstance } from 'fastify'
import { ApiError } from '../errors.js'
import { ById, Decision, Moved, RestoreBody, SubscriberWire, SuspendBody, Usage, UsageQuery } from '../schemas.js'
import { subscriberWire, usageWire } from '../wire.js'
import type { RouteOptions } from './options.js'

const MONTH = 30 * 86_400_000

/** A subscriber by id or User-Name: as they are, what they used, and a local decision about them. */
export function subscriberRoutes(api: FastifyInstance, { view, clock, changing }: RouteOptions): void {
  const show = { summary: 'A subscriber, without credentials', params: ById, response: { 200: SubscriberWire } }
  api.get<{ Params: ById }>('/v1/subscribers/:id', { schema: show }, request =>
    subscriberWire(known(view.subscriber(request.params.id), request.params.id))
  )
  const usage = { summary: 'What a subscriber used', params: ById, querystring: UsageQuery, response: { 200: Usage } }
  api.get<{ Params: ById; Querystring: UsageQuery }>('/v1/subscribers/:id/usage', { schema: usage }, async request => {
    const since = readSince(request.query.since, clock() - MONTH)
    return usageWire(known(await view.usage(request.params.id, since), request.params.id))
  })
  const suspend = {
    summary: 'Suspend here and now; holds until billing sends its next document',
    params: ById,
    body: SuspendBody,
    response: { 200: Decision }
  }
  api.post<{ Params: ById; Body: SuspendBody }>(
    '/v1/subscribers/:id/suspend',
    { schema: suspend, config: changing },
    async request => {
      const { how = 'walled-garden', ...words } = request.body
      return known(await view.suspend(request.params.id, { how, ...words }), request.params.id)
    }
  )
  const restore = {
    summary: 'Restore here and now; holds until billing sends its next document',
    params: ById,
    body: RestoreBody,
    response: { 200: Decision }
  }
  api.post<{ Params: ById; Body: RestoreBody }>(
    '/v1/subscribers/:id/restore',
    { schema: restore, config: changing },
    async request => known(await view.restore(request.params.id, request.body.reason), request.params.id)
  )
  const reset = {
    summary: 'Forget the MAC addresses that logins have bound: the next devices are learnt anew',
    params: ById,
    response: { 200: Moved }
  }
  api.post<{ Params: ById }>('/v1/subscribers/:id/macs/reset', { schema: reset, config: changing }, async request => ({
    count: known(await view.resetMacs(request.params.id), request.params.id)
  }))
}

function known<T>(found: T | undefined, id: string): T {
  if (found === undefined) throw new ApiError('API_UNKNOWN', `There is no subscriber «${id}», by id or User-Name.`)
  return found
}

function readSince(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  const since = Date.parse(text)
  if (Number.isNaN(since))
    throw new ApiError('API_BAD_REQUEST', `since is not a time: «${text}». Write 2026-11-23T10:00:00Z.`)
  return since
}
