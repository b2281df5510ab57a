import { createRequire } from 'node:module'
import t, { type Test } from 'tap'
import { matches, RouterosSimulator, type SimulatorOptions } from '../../sandbox/routeros/index.js'
import { pki } from '../server/radius/certificates.js'

/*
 * The simulator is judged by a client that is not ours: node-routeros. That client throws on `!empty` and never settles
 * after a drop, so the simulator plays a router before 7.18 here, and drops nobody.
 */

interface Peer {
  connect(): Promise<unknown>
  write(words: string | string[], ...more: (string | string[])[]): Promise<Record<string, string>[]>
  close(): Promise<unknown>
}
const { RouterOSAPI } = createRequire(import.meta.url)('node-routeros') as {
  RouterOSAPI: new (options: Record<string, unknown>) => Peer
}

const admin = { name: 'admin', password: 'secret', policies: ['api', 'read', 'write', 'sensitive'] } as const

async function open(
  t: Test,
  { security, ...options }: SimulatorOptions & { security?: 'anonymous' | { cert: string; key: string } } = {}
): Promise<{ router: RouterosSimulator; peer: (more?: Record<string, unknown>) => Peer }> {
  const router = new RouterosSimulator({ users: [admin], saysEmpty: false, ...options })
  const port = await router.listen(security === undefined ? {} : { security })
  t.teardown(() => router.close())
  const peer = (more: Record<string, unknown> = {}): Peer => {
    const made = new RouterOSAPI({ host: '127.0.0.1', port, user: 'admin', password: 'secret', timeout: 5, ...more })
    ;(made as unknown as NodeJS.EventEmitter).on('error', () => undefined)
    return made
  }
  return { router, peer }
}

async function refused(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'not refused',
    (error: unknown) => (error as Error).message
  )
}

t.test('an independent client logs in, in both ways, over TCP and TLS', async t => {
  const { issue, pem } = pki(t.testdir())
  issue('router', '/CN=router')
  const certificate = { cert: pem('router.pem'), key: pem('router.key') }
  const anonymous = { ciphers: 'aNULL:@SECLEVEL=0', maxVersion: 'TLSv1.2' }
  for (const [options, more] of [
    [{}, {}],
    [{ legacyLogin: true }, {}],
    [{ security: certificate }, { tls: { rejectUnauthorized: false } }],
    [{ security: 'anonymous' as const }, { tls: { rejectUnauthorized: false, ...anonymous } }]
  ] as const) {
    const { peer } = await open(t, options)
    const client = peer(more)
    await client.connect()
    t.match(await client.write('/system/identity/print'), [{ name: 'MikroTik' }])
    await client.close()
    const wrong = peer({ ...more, password: 'wrong' })
    t.match(await refused(wrong.connect()), /log ?in|user ?name|password/i)
  }
})

t.test('what it adds, sets, finds, counts and removes', async t => {
  const { router, peer } = await open(t)
  const client = peer()
  await client.connect()
  t.teardown(() => client.close())
  const menu = '/ip/firewall/address-list'
  const [{ ret: id } = { ret: '' }] = await client.write(`${menu}/add`, [
    '=list=walled',
    '=address=192.0.2.1',
    '=comment=a=b'
  ])
  t.match(id, /^\*[0-9A-F]+$/)
  await client.write(`${menu}/add`, ['=list=walled', '=address=192.0.2.2'])
  t.match(await client.write(`${menu}/print`, ['?address=192.0.2.1']), [
    { '.id': id, list: 'walled', comment: 'a=b', dynamic: 'false', disabled: 'false' }
  ])
  t.same(await client.write(`${menu}/print`, ['?list=walled', '=.proplist=address']), [
    { address: '192.0.2.1' },
    { address: '192.0.2.2' }
  ])
  t.match(await client.write(`${menu}/print`, ['=count-only=']), [{ ret: '2' }])
  t.match(await client.write(`${menu}/print`, ['?address=192.0.2.1', '?address=192.0.2.2', '?#|', '=count-only=']), [
    { ret: '2' }
  ])
  await client.write(`${menu}/set`, [`=.id=${id}`, '=disabled=yes'])
  t.match(await client.write(`${menu}/print`, ['?disabled=true']), [{ '.id': id }])
  await client.write(`${menu}/remove`, [`=.id=${id}`])
  t.same(await client.write(`${menu}/print`, ['?address=192.0.2.1']), [])
  await client.write('/system/identity/set', ['=name=core-1'])
  t.match(router.tables.rows('/system/identity'), [{ name: 'core-1' }])
})

t.test('it refuses in the words of a router', async t => {
  const { router, peer } = await open(t)
  const client = peer()
  await client.connect()
  t.teardown(() => client.close())
  const list = '/ip/firewall/address-list'
  await client.write(`${list}/add`, ['=list=l', '=address=192.0.2.1'])
  const id = router.tables.put('/queue/simple', { name: 'd', dynamic: 'true' })
  for (const [words, said] of [
    [[`${list}/add`, '=list=l', '=address=192.0.2.1'], /^failure: already have such entry$/],
    [[`${list}/add`, '=list=l', '=address=here'], /^invalid value for argument address$/],
    [[`${list}/add`, '=list=l'], /^missing value\(s\) of argument\(s\) address$/],
    [[`${list}/remove`, '=.id=*FF'], /^no such item$/],
    [[`${list}/add`, '=list=l', '=address=192.0.2.9', '=colour=red'], /^unknown parameter$/],
    [['/ppp/secret/add', '=name=x', '=profile=none'], /^input does not match any value of profile$/],
    [['/ppp/active/add', '=name=x'], /^no such command$/],
    [['/no/such/print'], /^no such command prefix$/],
    [['/queue/simple/set', `=.id=${id}`, '=comment=x'], /can not change dynamic/]
  ] as const) {
    const [command = '', ...rest] = words
    t.match(await refused(client.write(command, [...rest])), said)
  }
})

t.test('values are written back as a router writes them', async t => {
  const { router, peer } = await open(t)
  const client = peer()
  await client.connect()
  t.teardown(() => client.close())
  await client.write('/queue/simple/add', ['=name=q', '=target=192.0.2.1', '=max-limit=2M/512k'])
  t.match(await client.write('/queue/simple/print'), [{ target: '192.0.2.1/32', 'max-limit': '2000000/512000' }])
  const [first] = router.tables.rows('/queue/simple')
  await client.write('/queue/simple/add', ['=name=top', '=target=192.0.2.2', `=place-before=${first?.['.id']}`])
  t.strictSame(
    router.tables.rows('/queue/simple').map(({ name }) => name),
    ['top', 'q']
  )
  await client.write('/ip/dhcp-server/lease/add', ['=address=192.0.2.3', '=mac-address=02:aa:bb:cc:dd:ee'])
  t.match(await client.write('/ip/dhcp-server/lease/print'), [{ 'mac-address': '02:AA:BB:CC:DD:EE' }])
})

t.test('rights: a password is shown to those who may see it, and nothing is written without the policy', async t => {
  const plain = { name: 'plain', password: 'x', policies: ['api', 'read'] } as const
  const { router, peer } = await open(t, { users: [admin, plain] })
  router.tables.add('/ppp/secret', { name: 'dora', password: 'swordfish' })
  const [rich, poor] = [peer(), peer({ user: 'plain', password: 'x' })]
  await Promise.all([rich.connect(), poor.connect()])
  t.teardown(() => Promise.all([rich.close(), poor.close()]))
  t.match(await rich.write('/ppp/secret/print'), [{ password: 'swordfish' }])
  const [shown] = await poor.write('/ppp/secret/print')
  t.equal(shown?.['password'], undefined)
  t.match(await refused(poor.write('/ppp/secret/add', ['=name=y'])), /not enough permissions/)
})

t.test('several commands at a time, and what goes with a session', async t => {
  const { router, peer } = await open(t)
  const { tables } = router
  const id = tables.put('/ppp/active', { name: 'alice', service: 'pppoe', address: '100.64.0.7' })
  tables.put('/interface', { name: '<pppoe-alice>' })
  tables.put('/ip/firewall/address-list', { list: 'w', address: '100.64.0.7', dynamic: 'true' })
  const client = peer()
  await client.connect()
  t.teardown(() => client.close())
  const [active, identity] = await Promise.all([
    client.write('/ppp/active/print'),
    client.write('/system/identity/print')
  ])
  t.match([active, identity], [[{ name: 'alice' }], [{ name: 'MikroTik' }]])
  await client.write('/ppp/active/remove', [`=.id=${id}`])
  t.strictSame([tables.rows('/interface'), tables.rows('/ip/firewall/address-list')], [[], []])
})

t.test('queries are a stack', async t => {
  const row = { name: 'ether1', mtu: '1500', comment: '' }
  for (const [words, answer] of [
    [[], true],
    [['?name'], true],
    [['?-name'], false],
    [['?-type'], true],
    [['?name=ether1'], true],
    [['?=name=ether1'], true],
    [['?name=ether2'], false],
    [['?comment='], true],
    [['?type='], false],
    [['?<mtu=1600'], true],
    [['?>mtu=1600'], false],
    [['?name=ether2', '?mtu=1500'], false],
    [['?name=ether2', '?mtu=1500', '?#|'], true],
    [['?name=ether2', '?#!'], true],
    [['?name=ether1', '?mtu=1', '?#&!'], true],
    [['?name=ether2', '?mtu=1', '?comment=', '?#||'], true]
  ] as const) {
    t.equal(matches(row, words), answer, words.join(' '))
  }
})
