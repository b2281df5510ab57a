import { Type } from '@sinclair/typebox'
import type { Counter } from '../counter.js'
import { parseAmount } from '../money.js'
import type { TypedApp } from './typed.js'
import {
  ChangedPlan,
  ErrorView,
  NewPayment,
  NewSubscriber,
  NewSuspension,
  PaymentView,
  SubscriberView,
  viewAccount,
  viewPayment
} from './views.js'

const Id = Type.Object({ id: Type.String({ maxLength: 128 }) })
const page = 1000
const Page = Type.Object({
  after: Type.Optional(Type.String({ maxLength: 128, description: 'the last id of the page before' }))
})
const tags = ['subscribers']
const failures = { '4xx': ErrorView }

/** Adds the routes for accounts: look, open, close, pay, change the plan, suspend, restore. */
export function subscriberRoutes(app: TypedApp, counter: Counter): void {
  readRoutes(app, counter)
  moneyRoutes(app, counter)
  statusRoutes(app, counter)
}

function readRoutes(app: TypedApp, counter: Counter): void {
  const list = Type.Object({ subscribers: Type.Array(SubscriberView), next: Type.Optional(Type.String()) })
  app.get(
    '/subscribers',
    {
      schema: {
        summary: `Accounts by id, ${page} a page`,
        tags,
        querystring: Page,
        response: { 200: list, ...failures }
      }
    },
    async request => {
      const rows = counter.accounts(request.query.after, page)
      const last = rows.length === page ? rows.at(-1)?.document.id : undefined
      return { subscribers: rows.map(viewAccount), ...(last === undefined ? {} : { next: last }) }
    }
  )
  app.get(
    '/subscribers/:id',
    { schema: { summary: 'One account', tags, params: Id, response: { 200: SubscriberView, ...failures } } },
    async request => viewAccount(counter.account(request.params.id))
  )
  app.post(
    '/subscribers',
    {
      schema: { summary: 'Open an account', tags, body: NewSubscriber, response: { 201: SubscriberView, ...failures } }
    },
    async (request, reply) => {
      const { document, balance = '0' } = request.body
      const account = await counter.addSubscriber(document, parseAmount(balance))
      return reply.code(201).send(viewAccount(account))
    }
  )
  app.delete(
    '/subscribers/:id',
    { schema: { summary: 'Close an account for good', tags, params: Id, response: { 204: Type.Null(), ...failures } } },
    async (request, reply) => {
      await counter.removeSubscriber(request.params.id)
      return reply.code(204).send(null)
    }
  )
}

function moneyRoutes(app: TypedApp, counter: Counter): void {
  const payments = Type.Object({ payments: Type.Array(PaymentView) })
  app.get(
    '/subscribers/:id/payments',
    { schema: { summary: 'The last 1,000 payments', tags, params: Id, response: { 200: payments, ...failures } } },
    async request => ({ payments: (await counter.payments(request.params.id)).map(viewPayment) })
  )
  app.post(
    '/subscribers/:id/payments',
    {
      schema: {
        summary: 'Pay; who was suspended for want of money is restored at once',
        tags,
        params: Id,
        body: NewPayment,
        response: { 201: PaymentView, ...failures }
      }
    },
    async (request, reply) => {
      const { amount, id } = request.body
      const payment = await counter.pay(request.params.id, parseAmount(amount), id)
      return reply.code(201).send(viewPayment(payment))
    }
  )
  app.put(
    '/subscribers/:id/plan',
    {
      schema: {
        summary: 'Change the plan',
        tags,
        params: Id,
        body: ChangedPlan,
        response: { 200: SubscriberView, ...failures }
      }
    },
    async request => viewAccount(await counter.changePlan(request.params.id, request.body.plan))
  )
}

function statusRoutes(app: TypedApp, counter: Counter): void {
  const response = { 200: SubscriberView, ...failures }
  app.post(
    '/subscribers/:id/suspend',
    {
      schema: {
        summary: 'Suspend by hand; only restore ends it. How: as the plan says, unless told',
        tags,
        params: Id,
        body: NewSuspension,
        response
      }
    },
    async request => viewAccount(await counter.suspend(request.params.id, request.body))
  )
  app.post(
    '/subscribers/:id/restore',
    { schema: { summary: 'End any suspension', tags, params: Id, response } },
    async request => viewAccount(await counter.restore(request.params.id))
  )
}
