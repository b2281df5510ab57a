import type { FastifyInstance } from 'fastify'
import { EvidenceChain, EvidenceFilter, EvidenceList } from '../schemas.js'
import { evidenceWire } from '../wire.js'
import type { RouteOptions } from './options.js'

/** The evidence log: who ordered what, what was sent, what proved it; and whether its chain holds. */
export function evidenceRoutes(api: FastifyInstance, { view }: RouteOptions): void {
  const list = {
    summary: 'Entries of the evidence log, oldest first, in pages: ask again after the last sequence',
    querystring: EvidenceFilter,
    response: { 200: EvidenceList }
  }
  api.get<{ Querystring: EvidenceFilter }>('/v1/evidence', { schema: list }, async request => {
    const { after = 0, limit = 1000, ...rest } = request.query
    return { entries: (await view.evidence({ ...rest, after, limit })).map(evidenceWire) }
  })
  const check = { summary: 'Recompute the chain of the whole evidence log', response: { 200: EvidenceChain } }
  api.get('/v1/evidence/check', { schema: check }, () => view.checkEvidence())
}
