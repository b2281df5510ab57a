import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Profile, type Subscriber, type Vendor, Vendor as VendorSchema } from '../../../agent/model/index.js'
import { AcceptEncoder, AttributeProblems, defaultPolicySettings } from '../../../agent/policy/index.js'
import { Attr, Code, encodeRequest, encodeResponse, Packet } from '../../../protocols/radius/index.js'
import { acceptAttributes } from '../../../server/radius/accept.js'
import { AccessRequest } from '../../../server/radius/access-request.js'
import { Damping } from '../../../server/radius/damping.js'
import { alice, dictionary, home, lines, nas, secret, T0 } from './rig.js'

const vendors = VendorSchema.anyOf.map(literal => literal.const)
const hasTshark = spawnSync('tshark', ['--version']).status === 0
if (!hasTshark && process.env['CI'] === 'true') throw new Error('CI must have tshark')

const everything: Profile = {
  ...home,
  burst: { down: 150_000_000, up: 30_000_000, thresholdDown: 80_000_000, thresholdUp: 15_000_000, seconds: 10 },
  sessionTimeout: 86_400,
  idleTimeout: 600,
  pool: 'customers',
  ipv6Pool: 'v6-customers',
  dns: ['192.0.2.53', '198.51.100.53', '2001:db8::53', '2001:db8::54'],
  addressList: 'home',
  filter: 'home-in',
  attributes: { all: { 'Framed-MTU': 1480, 'Tunnel-Type:1': 'VLAN', 'Tunnel-Private-Group-Id:1': '100' } }
}
const fixed: Subscriber = {
  ...alice,
  addresses: {
    ipv4: '198.51.100.7',
    ipv6Prefix: '2001:db8:1::/64',
    delegatedPrefix: '2001:db8:7::/56',
    routes: ['203.0.113.0/29', '2001:db8:8::/48']
  }
}
const settings = {
  ...defaultPolicySettings,
  walledGarden: { addressList: 'fence', filter: 'garden', redirectUrl: 'https://pay.example.net' }
}

/** Whole Access-Accepts as they go out: own addresses, pools, throttled, walled. */
function accepts(vendor: Vendor): Buffer[] {
  const encoder = new AcceptEncoder(dictionary, settings, lines().log)
  const request = Packet.decode(
    encodeRequest(Code.AccessRequest, 1, Buffer.from('0107616c696365', 'hex'), secret).datagram
  )
  if (typeof request === 'string') throw new Error(request)
  const source = { nas: { ...nas, vendor }, secret, address: '127.0.0.1' } as never
  const asked = new AccessRequest({ packet: request, source })
  const cases = [
    [alice, 'full'],
    [fixed, 'full'],
    [alice, 'throttled'],
    [fixed, 'walled']
  ] as const
  return cases.flatMap(([subscriber, kind]) => {
    const encoded = encoder.encode(subscriber, everything, kind, vendor)
    if (encoded === undefined) return []
    const personal = encoder.personal(vendor, { octets: 6_000_000_000 })
    const attributes = acceptAttributes(asked, subscriber, Buffer.from('ticket'), encoded, { limit: 7200, personal })
    return [encodeResponse(request, Code.AccessAccept, attributes, secret)]
  })
}

/** A capture file of raw IPv4 with one UDP datagram from port 1812 a packet. */
function pcap(datagrams: readonly Buffer[]): Buffer {
  const header = Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex')
  const packets = datagrams.map(datagram => {
    const ip = Buffer.alloc(28 + datagram.length)
    ip.writeUInt16BE(0x4500, 0)
    ip.writeUInt16BE(ip.length, 2)
    ip.writeUInt16BE(0x4011, 8)
    ip.writeUInt32BE(0x7f000001, 12)
    ip.writeUInt32BE(0x7f000001, 16)
    ip.writeUInt16BE(1812, 20)
    ip.writeUInt16BE(40000, 22)
    ip.writeUInt16BE(8 + datagram.length, 24)
    datagram.copy(ip, 28)
    const record = Buffer.alloc(16)
    record.writeUInt32LE(ip.length, 8)
    record.writeUInt32LE(ip.length, 12)
    return Buffer.concat([record, ip])
  })
  return Buffer.concat([header, ...packets])
}

t.test(
  'tshark reads the Access-Accepts for every vendor, and finds nothing malformed in them',
  { skip: hasTshark ? false : 'needs tshark (apt-get install tshark)' },
  async t => {
    const all = vendors.map(vendor => [vendor, accepts(vendor)] as const)
    const datagrams = all.flatMap(([, packets]) => packets)
    const file = join(t.testdir(), 'accepts.pcap')
    writeFileSync(file, pcap(datagrams))
    const fields = ['radius.code', '_ws.malformed', '_ws.expert.severity', 'radius.avp.type'].flatMap(name => [
      '-e',
      name
    ])
    const text = execFileSync('tshark', ['-r', file, '-T', 'fields', ...fields], { encoding: 'utf8', stdio: 'pipe' })
    const rows = text
      .trimEnd()
      .split('\n')
      .map(line => line.split('\t'))
    t.equal(rows.length, datagrams.length)
    let at = 0
    for (const [vendor, packets] of all) {
      t.ok(packets.length >= 3, `${vendor}: ${packets.length} packets`)
      for (const datagram of packets) {
        const [code, malformed, severity, types = ''] = rows[at++] ?? []
        const packet = Packet.decode(datagram)
        const count = typeof packet === 'string' ? 0 : packet.count
        t.same([code, malformed], ['2', ''], `${vendor}`)
        t.notMatch(severity ?? '', /8388608|6291456/, `${vendor}: neither error nor warning`)
        t.equal(types.split(',').length, count, `${vendor}: every attribute`)
      }
    }
  }
)

t.test('volume limits: MikroTik with Gigawords, chilli never beyond 32 bits, others not at all', async t => {
  const encoder = new AcceptEncoder(dictionary, settings, lines().log)
  const said = (vendor: Vendor, octets: number) => {
    const packet = Packet.fromAttributes(encoder.personal(vendor, { octets }))
    return typeof packet === 'string'
      ? packet
      : Object.fromEntries(dictionary.decode(packet).map(({ name, value }) => [name, value]))
  }
  t.same(said('mikrotik', 2 ** 32 + 5), { 'Mikrotik-Total-Limit': 5, 'Mikrotik-Total-Limit-Gigawords': 1 })
  t.same(said('coova', 2 ** 32 + 5), { 'ChilliSpot-Max-Total-Octets': 0xffffffff })
  t.same(said('coova', 5000), { 'ChilliSpot-Max-Total-Octets': 5000 })
  t.same(said('cisco', 5000), {})
})

t.test('a limit of the moment is said where it is shorter than the profile’s, and only once', async t => {
  const [packet] = accepts('standard').map(datagram => Packet.decode(datagram))
  if (packet === undefined || typeof packet === 'string') throw new Error('no packet')
  t.same(
    packet.all(Attr.SessionTimeout).map(octets => octets.readUInt32BE()),
    [7200]
  )
})

t.test('pools of the agent’s own are not named to the NAS', async t => {
  const local = new AcceptEncoder(dictionary, { ...settings, localPools: new Set(['customers']) }, lines().log)
  const encoded = local.encode(alice, everything, 'full', 'mikrotik')
  t.same(encoded?.pools, { ipv4: 'customers', ipv6: undefined })
  const packet = Packet.fromAttributes(encoded!.octets)
  if (typeof packet === 'string') throw new Error(packet)
  t.equal(packet.has(Attr.FramedPool), false)
  t.ok(local.encode(alice, { ...everything, pool: 'theirs' }, 'full', 'mikrotik')?.octets.includes('theirs'))
})

t.test('an attribute that no dictionary knows is told once, and stands until its document is mended', async t => {
  const { log, lines: logged } = lines()
  const problems = new AttributeProblems()
  const encoder = new AcceptEncoder(dictionary, settings, log, problems)
  const wrong = (id: string): Profile => ({ ...home, id, attributes: { all: { 'Franed-MTU': 1480 } } })
  for (const id of ['a', 'b', 'c']) t.ok(encoder.encode(alice, wrong(id), 'full', 'mikrotik'))
  t.equal(logged.length, 1)
  t.match(problems.words(), [/^The attribute Franed-MTU of profile a and 2 more documents cannot be sent/])
  for (const id of ['a', 'b', 'c']) encoder.encode(alice, { ...home, id }, 'full', 'mikrotik')
  t.same(problems.words(), [])
})

t.test(
  'a modem with an old password is answered without a look, until its document changes or a while has passed',
  async t => {
    let now = T0
    const damping = new Damping(() => now, { rejects: 3, within: 60_000, rest: 10_000, most: 2 })
    const modem = { callingStation: 'aa', userName: 'alice' }
    const rejection = { accept: false, code: 'WRONG_CREDENTIAL', words: 'no' } as const
    for (let n = 0; n < 3; n++) {
      t.equal(damping.of(modem, alice), undefined)
      damping.rejected(modem, alice, rejection)
    }
    t.equal(damping.of(modem, alice), rejection)
    t.equal(damping.of({ ...modem, userName: 'bob' }, undefined), undefined, 'another name behind the same line')
    now += 10_000
    t.equal(damping.of(modem, alice), undefined, 'one look')
    t.equal(damping.of(modem, alice), rejection, 'and no more')
    damping.rejected(modem, alice, rejection)
    t.equal(damping.of(modem, alice), rejection, 'the look changed nothing')
    t.equal(damping.of(modem, { ...alice }), undefined, 'another document')
    damping.rejected(modem, alice, { ...rejection, code: 'TOO_MANY_SESSIONS' })
    t.equal(damping.size, 0, 'what may change by itself is looked at each time')
    for (const callingStation of ['1', '2', '3', '']) damping.rejected({ ...modem, callingStation }, alice, rejection)
    t.equal(damping.size, 2, 'bounded, and nobody without a device')
    damping.accepted({ ...modem, callingStation: '3' })
    t.equal(damping.size, 1)
  }
)
