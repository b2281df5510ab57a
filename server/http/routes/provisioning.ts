import type { FastifyInstance } from 'fastify'
import { ById, Provisioned, ProvisionBody, TemplateList } from '../schemas.js'
import type { RouteOptions } from './options.js'

/** Templates, and bringing one onto a device. */
export function provisioningRoutes(api: FastifyInstance, { view, changing }: RouteOptions): void {
  const list = { summary: 'Templates, and the values that each takes', response: { 200: TemplateList } }
  api.get('/v1/templates', { schema: list }, () => ({ templates: view.templates() }))
  const provision = {
    summary: 'Bring a template onto a device, or try what it would change; answers when all is read back',
    params: ById,
    body: ProvisionBody,
    response: { 200: Provisioned }
  }
  api.post<{ Params: ById; Body: ProvisionBody }>(
    '/v1/devices/:id/provision',
    { schema: provision, config: changing },
    async ({ params, body }) => {
      const { template, values = {}, dryRun = false } = body
      const {
        result,
        detail,
        changes = [],
        proof
      } = await view.provision({
        template,
        device: params.id,
        values,
        dryRun
      })
      return { device: params.id, template, dryRun, result, detail, changes, proven: proof !== undefined }
    }
  )
}
