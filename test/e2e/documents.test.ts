import t from 'tap'
import type { Subscriber } from '../../agent/model/index.js'
import {
  AcctStatusType,
  Attr,
  AttributeWriter,
  Code,
  encodeUserPassword,
  type Packet,
  Secret
} from '../../protocols/radius/index.js'
import { RadiusClient } from '../../sandbox/nas/index.js'
import { PLAN, provider, SECRET, until } from './provider.js'

/*
 * What a document of billing says reaches the wire: each test changes documents at billing and asks as a NAS would.
 */

t.setTimeout(120_000)

async function stage(t: Parameters<typeof provider>[0], subscriber: Partial<Subscriber>, more = '') {
  const { billing, startAgent } = await provider(t, { names: [], more })
  const document = {
    id: 'sub_1',
    username: 'alice',
    status: 'active' as const,
    profile: PLAN.id,
    credentials: { password: 'pw' }
  }
  await billing.addSubscriber({ ...document, ...subscriber }, 10n ** 12n)
  const agent = await startAgent()
  await until(() => agent.replica.subscriber('sub_1') !== undefined)
  const [authentication, accounting] = [agent.bound.authentication[0]?.port ?? 0, agent.bound.accounting[0]?.port ?? 0]
  const secret = new Secret(SECRET)
  const clients = [authentication, accounting].map(port => new RadiusClient({ host: '127.0.0.1', port, secret }))
  t.teardown(() => Promise.all(clients.map(client => client.close())))
  const [access, report] = clients as [RadiusClient, RadiusClient]
  return {
    billing,
    agent,
    ask: async (device = '02:00:00:00:00:01'): Promise<Packet> => {
      const attributes = ({ authenticator }: { authenticator: Buffer }): Buffer =>
        new AttributeWriter()
          .add(Attr.UserName, 'alice')
          .add(Attr.UserPassword, encodeUserPassword('pw', authenticator, secret))
          .add(Attr.CallingStationId, device)
          .finish()
      return (await access.request({ code: Code.AccessRequest, attributes })).packet
    },
    account: async (status: number, session: string, octets = 0): Promise<void> => {
      const attributes = new AttributeWriter().uint32(Attr.AcctStatusType, status).add(Attr.AcctSessionId, session)
      attributes.add(Attr.UserName, 'alice').uint32(Attr.AcctSessionTime, octets === 0 ? 0 : 60)
      attributes.uint32(Attr.AcctOutputOctets, octets).uint32(Attr.AcctInputOctets, 0)
      await report.request({ code: Code.AccountingRequest, attributes: () => attributes.finish() })
    }
  }
}

t.test('a second session is refused where one may be open', async t => {
  const { ask, account, agent } = await stage(t, { simultaneousUse: 1 })
  await account(AcctStatusType.Start, '81000001')
  await until(() => agent.sessions.ofSubscriber('sub_1').length === 1)
  t.equal((await ask('02:00:00:00:00:0c')).code, Code.AccessReject)
  await account(AcctStatusType.Stop, '81000001', 1)
  t.equal((await ask('02:00:00:00:00:0c')).code, Code.AccessAccept)
})

t.test('before billing has said who the subscribers are, nobody is refused', async t => {
  const { billing, startAgent } = await provider(t, { names: ['alice'] })
  billing.misbehave({ snapshot: [{ status: 503, times: 1_000_000 }] })
  const { bound, radius, replica } = await startAgent()
  const port = bound.authentication[0]?.port ?? 0
  const secret = new Secret(SECRET)
  const client = new RadiusClient({ host: '127.0.0.1', port, secret, intervalMs: 50, transmissions: 2 })
  t.teardown(() => client.close())
  const attributes = ({ authenticator }: { authenticator: Buffer }): Buffer =>
    new AttributeWriter()
      .add(Attr.UserName, 'alice')
      .add(Attr.UserPassword, encodeUserPassword('alice-pw', authenticator, secret))
      .finish()
  const ask = () => client.request({ code: Code.AccessRequest, attributes })
  await t.rejects(ask(), 'silence: the NAS asks again, or another server')
  t.ok((radius.counters().discarded.NO_SUBSCRIBERS_YET ?? 0) > 0)
  billing.misbehave({})
  await until(() => replica.subscriberByUserName('alice') !== undefined)
  t.equal((await ask()).packet.code, Code.AccessAccept)
})
