import { BlockList } from 'node:net'
import * as fc from 'fast-check'
import t from 'tap'
import type { Nas } from '../../../agent/model/index.js'
import { NasTable, parsePrefix, Replica } from '../../../agent/subscribers/index.js'
import { MemoryLedger } from '../uplink/memory-ledger.js'

const nas = (id: string, ...addresses: string[]): Nas => ({ id, addresses, vendor: 'standard', secretRef: 'env:S' })
const table = async (...fixed: Nas[]): Promise<{ table: NasTable; replica: Replica }> => {
  const replica = await Replica.open(new MemoryLedger())
  return { table: new NasTable(fixed, replica), replica }
}

void t.test('the longest prefix wins, in both families', async t => {
  const { table: nases } = await table(
    nas('any4', '0.0.0.0/0'),
    nas('net', '10.0.0.0/8', '2001:db8::/32'),
    nas('site', '10.1.0.0/16', '2001:db8:1::/48'),
    nas('box', '10.1.2.3', '2001:db8:1::3')
  )
  for (const [address, id] of [
    ['10.1.2.3', 'box'],
    ['10.1.2.4', 'site'],
    ['10.2.0.1', 'net'],
    ['192.0.2.1', 'any4'],
    ['2001:db8:1::3', 'box'],
    ['2001:0DB8:0001:0:0:0:0:4', 'site'],
    ['2001:db8:2::', 'net'],
    ['2001:db9::', undefined],
    ['fe80::1%eth0', undefined],
    ['no address', undefined]
  ] as const)
    t.equal(nases.find(address)?.id, id, address)
})

void t.test('IPv4 that arrives on an IPv6 socket is IPv4', async t => {
  const { table: nases } = await table(nas('box', '192.0.2.1'), nas('mapped', '::ffff:198.51.100.0/120'))
  t.equal(nases.find('::ffff:192.0.2.1')?.id, 'box')
  t.equal(nases.find('::FFFF:c000:201')?.id, 'box')
  t.equal(nases.find('198.51.100.77')?.id, 'mapped')
})

void t.test("the configuration wins over billing, by id and by prefix; billing's changes are seen at once", async t => {
  const { table: nases, replica } = await table(nas('local', '10.0.0.1'))
  t.equal(nases.find('10.0.0.2'), undefined, 'and remembered as unknown')
  const put = (document: Nas): Promise<void> => replica.apply([{ kind: 'nas', id: document.id, document }])
  await put(nas('cloud', '10.0.0.1', '10.0.0.2'))
  await put(nas('local', '10.0.0.3'))
  t.equal(nases.find('10.0.0.1')?.id, 'local')
  t.equal(nases.find('10.0.0.2')?.id, 'cloud')
  t.equal(nases.find('10.0.0.3'), undefined)
  t.strictSame(
    nases.all().map(({ id }) => id),
    ['local', 'cloud']
  )
  t.strictSame(nases.byId('cloud')?.addresses, ['10.0.0.1', '10.0.0.2'])
  await replica.apply([{ kind: 'nas', id: 'cloud', document: undefined }])
  t.equal(nases.find('10.0.0.2'), undefined)
})

void t.test('a flood of unknown sources is forgotten, the known stay found', async t => {
  const { table: nases } = await table(nas('box', '10.0.0.1'))
  for (let n = 0; n < 20_000; n++) nases.find(`172.16.${n >> 8}.${n & 255}`)
  t.equal(nases.find('10.0.0.1')?.id, 'box')
  t.equal(nases.find('172.16.0.0'), undefined)
})

void t.test('what is no address or prefix is none', async t => {
  for (const text of [
    '',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0',
    '2001:db8::/129',
    'host',
    '10.0.0.0/8/8'
  ])
    t.equal(parsePrefix(text), undefined, text)
})

void t.test('it decides as the system does (node:net BlockList)', async t => {
  const hextets = fc.array(fc.constantFrom('0', '1', 'ffff', 'db8'), { minLength: 8, maxLength: 8 })
  const v6 = hextets.map(groups => groups.join(':')).filter(text => !text.startsWith('0:0:0:0:0:'))
  const v4 = fc.array(fc.constantFrom(0, 1, 10, 127, 255), { minLength: 4, maxLength: 4 }).map(parts => parts.join('.'))
  const one = (
    address: fc.Arbitrary<string>,
    family: 'ipv4' | 'ipv6',
    bits: number
  ): fc.Arbitrary<readonly [string, string, number, 'ipv4' | 'ipv6']> =>
    fc.tuple(address, address, fc.integer({ min: 0, max: bits }), fc.constant(family))
  const replica = await Replica.open(new MemoryLedger())
  fc.assert(
    fc.property(fc.oneof(one(v4, 'ipv4', 32), one(v6, 'ipv6', 128)), ([address, prefix, bits, family]) => {
      const list = new BlockList()
      list.addSubnet(prefix, bits, family)
      const nases = new NasTable([nas('x', `${prefix}/${bits}`)], replica.removeAllListeners())
      t.equal(nases.find(address) !== undefined, list.check(address, family), `${address} in ${prefix}/${bits}`)
    }),
    { numRuns: 300 }
  )
})
