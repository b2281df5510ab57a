import { Type } from '@sinclair/typebox'
import { Device, Nas } from '../../../agent/model/index.js'
import type { Counter } from '../counter.js'
import { Misbehaviour } from '../misbehaviour.js'
import { parseAmount } from '../money.js'
import type { TypedApp } from './typed.js'
import {
  CommandView,
  ErrorView,
  NewCommand,
  NewPlan,
  PlanView,
  UsageView,
  viewCommand,
  viewPlan,
  viewUsage
} from './views.js'

const Id = Type.Object({ id: Type.String({ maxLength: 128 }) })
const Nothing = Type.Null()
const failures = { '4xx': ErrorView }

/** Adds the routes for plans, equipment, commands and usage. */
export function equipmentRoutes(app: TypedApp, counter: Counter): void {
  planRoutes(app, counter)
  boxRoutes(app, counter)
  commandRoutes(app, counter)
  usageRoutes(app, counter)
}

function planRoutes(app: TypedApp, counter: Counter): void {
  const tags = ['plans']
  app.get(
    '/plans',
    { schema: { summary: 'All plans', tags, response: { 200: Type.Object({ plans: Type.Array(PlanView) }) } } },
    async () => ({ plans: counter.plans().map(viewPlan) })
  )
  app.put(
    '/plans/:id',
    {
      schema: {
        summary: 'Add a plan, or replace it; its profile goes to the agent',
        tags,
        params: Id,
        body: NewPlan,
        response: { 200: PlanView, ...failures }
      }
    },
    async request => {
      const plan = { ...request.body, id: request.params.id, pricePerGb: parseAmount(request.body.pricePerGb) }
      await counter.putPlan(plan)
      return viewPlan(plan)
    }
  )
}

function boxRoutes(app: TypedApp, counter: Counter): void {
  const tags = ['equipment']
  app.put(
    '/nases/:id',
    {
      schema: {
        summary: 'Add a NAS, or replace it',
        tags,
        params: Id,
        body: Type.Omit(Nas, ['id']),
        response: { 204: Nothing, ...failures }
      }
    },
    async (request, reply) => {
      await counter.putNas({ ...request.body, id: request.params.id })
      return reply.code(204).send(null)
    }
  )
  app.put(
    '/devices/:id',
    {
      schema: {
        summary: 'Add a device, or replace it',
        tags,
        params: Id,
        body: Type.Omit(Device, ['id']),
        response: { 204: Nothing, ...failures }
      }
    },
    async (request, reply) => {
      await counter.putDevice({ ...request.body, id: request.params.id })
      return reply.code(204).send(null)
    }
  )
  for (const kind of ['nas', 'device'] as const)
    app.delete(
      `/${kind === 'nas' ? 'nases' : 'devices'}/:id`,
      { schema: { summary: `Take a ${kind} away`, tags, params: Id, response: { 204: Nothing, ...failures } } },
      async (request, reply) => {
        await counter.removeEquipment(kind, request.params.id)
        return reply.code(204).send(null)
      }
    )
}

function commandRoutes(app: TypedApp, counter: Counter): void {
  const tags = ['commands']
  app.post(
    '/commands',
    {
      schema: {
        summary: 'Order the agent to do something',
        tags,
        body: NewCommand,
        response: { 202: CommandView, ...failures }
      }
    },
    async (request, reply) => {
      const command = await counter.command(request.body)
      return reply.code(202).send(viewCommand(counter.commandEntry(command.id)))
    }
  )
  app.get(
    '/commands/:id',
    {
      schema: { summary: 'A command, and how it ended', tags, params: Id, response: { 200: CommandView, ...failures } }
    },
    async request => viewCommand(counter.commandEntry(request.params.id))
  )
}

function usageRoutes(app: TypedApp, counter: Counter): void {
  app.get(
    '/usage',
    {
      schema: {
        summary: 'What all events came to, with gaps and duplicates',
        tags: ['usage'],
        response: { 200: UsageView }
      }
    },
    async () => viewUsage(counter)
  )
}

/** Adds the switch for tests of an agent. */
export function misbehaveRoute(app: TypedApp, misbehave: (script: Misbehaviour) => void): void {
  app.post(
    '/misbehave',
    {
      schema: {
        summary: 'Misbehave by script, for tests of an agent; {} behaves',
        tags: ['tests'],
        body: Misbehaviour,
        response: { 204: Nothing, ...failures }
      }
    },
    async (request, reply) => {
      misbehave(request.body)
      return reply.code(204).send(null)
    }
  )
}
