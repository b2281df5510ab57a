import sensible from '@fastify/sensible'
import swagger from '@fastify/swagger'
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Books } from '../books.js'
import type { Counter } from '../counter.js'
import { BillingError } from '../errors.js'
import type { Misbehaviour, Script } from '../misbehaviour.js'
import { requireBearer } from './bearer.js'
import { equipmentRoutes, misbehaveRoute } from './equipment.js'
import { eventsRoute } from './events.js'
import { feedRoute, type FeedOptions } from './feed.js'
import { snapshotRoute } from './snapshot.js'
import { subscriberRoutes } from './subscribers.js'
import type { TypedApp } from './typed.js'

/** The two bearer tokens: the agent's, and that of whoever takes the money. They must differ. */
export interface Tokens {
  readonly edge: string
  readonly admin: string
}

/** What the HTTP side is made of. */
export interface AppParts {
  readonly counter: Counter
  readonly books: Books
  readonly script: Script
  readonly misbehave: (script: Misbehaviour) => void
  readonly tokens: Tokens
  readonly feed: FeedOptions
  readonly log: Logger
}

/** Builds the HTTP server: the Edge API under /v1, the paying API under /sandbox/v1, its description at /openapi.json. */
export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const { counter, books, script, tokens, feed, log } = parts
  const app = fastify({
    // Each request in the log would be too much, but who wants to hear less hears less.
    loggerInstance: log.child(
      { module: 'sandbox-billing' },
      { level: log.isLevelEnabled('warn') ? 'warn' : log.level }
    ),
    requestTimeout: 30_000,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } }
  }) as unknown as FastifyInstance
  app.setErrorHandler(answerError)
  await app.register(sensible)
  await app.register(swagger, { openapi: description })
  await app.register(async edge => {
    edge.addHook('onRequest', requireBearer(tokens.edge))
    eventsRoute(edge, books, script, feed.signal)
    feedRoute(edge, books, script, feed)
    snapshotRoute(edge, books, script, feed.signal)
  })
  await app.register(
    async (admin: TypedApp) => {
      admin.addHook('onRequest', requireBearer(tokens.admin))
      subscriberRoutes(admin, counter)
      equipmentRoutes(admin, counter)
      misbehaveRoute(admin, parts.misbehave)
    },
    { prefix: '/sandbox/v1' }
  )
  await app.register(async open => {
    open.addHook('onRequest', requireBearer(tokens.admin))
    open.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  })
  return app
}

const description = {
  openapi: '3.1.0',
  info: {
    title: 'Sandbox billing',
    version: '1',
    description: 'The Edge API that the agent talks to (/v1), and the counter where subscribers pay (/sandbox/v1).'
  },
  components: { securitySchemes: { bearer: { type: 'http' as const, scheme: 'bearer' } } },
  security: [{ bearer: [] }]
}

const statuses: Readonly<Record<BillingError['code'], number>> = {
  BILLING_NOT_FOUND: 404,
  BILLING_EXISTS: 409,
  BILLING_BAD_AMOUNT: 400,
  BILLING_BAD_DOCUMENT: 400,
  BILLING_BUSY: 503,
  BILLING_STORAGE: 503,
  BILLING_CLOSED: 503
}

async function answerError(
  error: FastifyError | BillingError,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<void> {
  const status = error instanceof BillingError ? statuses[error.code] : (error.statusCode ?? 500)
  if (status === 503) reply.header('retry-after', 1)
  if (status >= 500) request.log.error({ code: error.code, cause: error.cause }, error.message)
  await reply
    .code(status)
    .send({ code: error.code ?? `HTTP_${status}`, message: status === 500 ? 'internal error' : error.message })
}
