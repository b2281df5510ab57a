import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import sensible from '@fastify/sensible'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyBaseLogger, type FastifyError, type FastifyInstance, LogController } from 'fastify'
import type { Clock } from '../../agent/model/index.js'
import { ApiError } from './errors.js'
import { decisionRoutes } from './routes/decisions.js'
import { evidenceRoutes } from './routes/evidence.js'
import { ledgerRoutes } from './routes/ledger.js'
import { provisioningRoutes } from './routes/provisioning.js'
import { quarantineRoutes } from './routes/quarantine.js'
import { rejectionRoutes } from './routes/rejections.js'
import { sessionRoutes } from './routes/sessions.js'
import { statusRoutes } from './routes/status.js'
import { subscriberRoutes } from './routes/subscribers.js'
import type { AgentView } from './view.js'

export interface ApiOptions {
  readonly view: AgentView
  readonly version: string
  readonly clock: Clock
  readonly log?: FastifyBaseLogger
  /** Changes that are let through in a minute. */
  readonly changesPerMinute?: number
}

/**
 * The local API, not yet listening: fastify with schemas on both sides, described at `/openapi.json`.
 * It has no authentication of its own: whoever may open its socket may use it.
 */
export async function createApi(options: ApiOptions): Promise<FastifyInstance> {
  const { view, clock, version, log, changesPerMinute = 600 } = options
  const api = Fastify({
    ...(log === undefined ? { logger: false } : { loggerInstance: log }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 256 * 1024,
    requestTimeout: 30_000,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, strict: false } }
  })
  api.setErrorHandler<FastifyError>((error, request, reply) => {
    const refusal = refusalOf(error)
    if (refusal.code === 'API_FAILED') request.log.error({ err: error }, 'the local API failed')
    void reply.code(refusal.status).send(problemOf(refusal))
  })
  api.setNotFoundHandler((request, reply) => {
    void reply
      .code(404)
      .send(
        problemOf(
          new ApiError(
            'API_UNKNOWN',
            `There is no ${request.method} ${request.url.split('?')[0]} here; /openapi.json lists what there is.`
          )
        )
      )
  })
  await api.register(sensible)
  await api.register(helmet)
  await api.register(rateLimit, { global: false, keyGenerator: () => 'everybody on the socket' })
  await api.register(swagger, { openapi: describe(version) })
  const changing = { rateLimit: { max: changesPerMinute, timeWindow: 60_000 } }
  const routes = { view, clock, changing }
  for (const register of [
    statusRoutes,
    sessionRoutes,
    subscriberRoutes,
    decisionRoutes,
    evidenceRoutes,
    quarantineRoutes,
    rejectionRoutes,
    ledgerRoutes,
    provisioningRoutes
  ]) {
    register(api, routes)
  }
  api.get('/openapi.json', { schema: { hide: true } }, () => api.swagger())
  return api
}

function describe(version: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Turnpike: the local API',
      version,
      description: 'What the turnpike command talks to, on a Unix socket. Refusals are {code, message, remedy}.'
    },
    servers: [{ url: 'http://turnpike', description: 'the Unix socket api.socket' }]
  }
}

function refusalOf(error: FastifyError): ApiError {
  if (error instanceof ApiError) return error
  if (error.statusCode === 429) return new ApiError('API_TOO_MANY', 'Too many changes in a minute.')
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new ApiError('API_BAD_REQUEST', `The request does not fit: ${error.message}.`)
  }
  return new ApiError('API_FAILED', 'The agent failed at this; its log has the reason.')
}

function problemOf(error: ApiError) {
  return { code: error.code, message: error.message, remedy: error.remedy }
}
