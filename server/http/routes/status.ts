import type { FastifyInstance } from 'fastify'
import { metricsText, metricsType } from '../metrics.js'
import { DeviceList, Status } from '../schemas.js'
import { deviceWire, statusWire } from '../wire.js'
import type { RouteOptions } from './options.js'

/** The agent at a glance, for people and for Prometheus. */
export function statusRoutes(api: FastifyInstance, { view }: RouteOptions): void {
  api.get('/v1/status', { schema: { summary: 'The agent at a glance', response: { 200: Status } } }, async () =>
    statusWire(await view.status())
  )
  const list = { summary: 'Devices that are polled, those that are not up first', response: { 200: DeviceList } }
  api.get('/v1/devices', { schema: list }, () => ({ devices: view.devices().map(deviceWire) }))
  api.get('/metrics', { schema: { summary: 'Figures in the text format of Prometheus' } }, (_request, reply) =>
    reply.type(metricsType).send(metricsText(view.metrics()))
  )
}
