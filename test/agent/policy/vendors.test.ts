import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Profile, Subscriber, Vendor } from '../../../agent/model/index.js'
import { Vendor as VendorSchema } from '../../../agent/model/index.js'
import { vocabularies } from '../../../agent/policy/attributes/index.js'
import { defaultPolicySettings, type PolicySettings, render } from '../../../agent/policy/index.js'
import { loadDictionary } from '../../../config/dictionary/index.js'
import { Packet } from '../../../protocols/radius/index.js'

/*
 * One golden a vendor: the whole Access-Accept of these documents for each treatment, a name and a value a line.
 */

const dictionary = loadDictionary()
const vendors = VendorSchema.anyOf.map(literal => literal.const)
const golden = (vendor: Vendor) =>
  readFileSync(new URL(`../../../../test/agent/policy/golden/${vendor}.txt`, import.meta.url), 'utf8')

const profile: Profile = {
  id: 'home-100',
  down: 100_000_000,
  up: 20_500_000,
  burst: { down: 150_000_000, up: 30_000_000, thresholdDown: 80_000_000, thresholdUp: 15_000_000, seconds: 10 },
  sessionTimeout: 86_400,
  idleTimeout: 600,
  interimInterval: 300,
  pool: 'customers',
  ipv6Pool: 'v6-customers',
  dns: ['192.0.2.53', '2001:db8::53', '198.51.100.53'],
  addressList: 'home',
  filter: 'home-in',
  attributes: { all: { 'Framed-MTU': 1480 }, mikrotik: { 'Mikrotik-Group': 'pppoe' } }
}
const alice: Subscriber = { id: 'sub_1', username: 'alice', status: 'active', profile: 'home-100' }
const fixed: Subscriber = {
  ...alice,
  addresses: {
    ipv4: '198.51.100.7',
    ipv6Prefix: '2001:db8:1::/64',
    delegatedPrefix: '2001:db8:7::/56',
    routes: ['203.0.113.0/29', '2001:db8:8::/48']
  }
}
const fenced: PolicySettings = {
  ...defaultPolicySettings,
  walledGarden: { addressList: 'turnpike-walled', filter: 'garden', redirectUrl: 'https://pay.example.net' }
}
const pooled: PolicySettings = {
  ...defaultPolicySettings,
  walledGarden: { ...defaultPolicySettings.walledGarden, pool: 'garden-pool' }
}

function shown(vendor: Vendor): string {
  const cases = [
    ['full', render(alice, profile, 'full', 'active', vendor, fenced)],
    ['full, with addresses of its own', render(fixed, profile, 'full', 'active', vendor, fenced)],
    ['throttled', render(alice, profile, 'throttled', 'suspended', vendor, fenced)],
    ['walled, by list or filter', render(fixed, profile, 'walled', 'suspended', vendor, fenced)],
    ['walled, by pool', render(fixed, profile, 'walled', 'suspended', vendor, pooled)],
    ['walled, with defaults', render(alice, profile, 'walled', 'suspended', vendor, defaultPolicySettings)]
  ] as const
  return cases
    .map(([name, { kind, reason, attributes }]) =>
      [`# ${name}`, `${kind}: ${reason}`, ...attributes.map(({ name, value }) => `${name} = ${value}`), ''].join('\n')
    )
    .join('\n')
}

for (const vendor of vendors) {
  t.test(`what is said to ${vendor}`, async t => {
    t.equal(shown(vendor), golden(vendor))
  })
}

t.test(
  'every name in every table is one that the dictionary knows, and every value can be encoded and read back',
  async t => {
    for (const vendor of vendors) {
      for (const { attributes } of [
        render(fixed, profile, 'full', '', vendor, fenced),
        render(alice, profile, 'throttled', '', vendor, fenced),
        render(fixed, profile, 'walled', '', vendor, fenced)
      ]) {
        const octets = Buffer.concat(attributes.map(({ name, value }) => dictionary.encode(name, value)))
        const packet = Packet.fromAttributes(octets)
        if (typeof packet === 'string') throw new Error(packet)
        const names = dictionary.decode(packet).map(({ name }) => name)
        t.same(
          names,
          attributes.map(({ name }) => name.replace(/:\d+$/, '')),
          vendor
        )
      }
      for (const name of vocabularies[vendor].service) t.ok(dictionary.attribute(name), `${vendor}: ${name}`)
    }
  }
)

t.test(
  'rates beyond 32 bits are the largest that there is where the vendor counts bit/s, and exact in kbit/s',
  async t => {
    const fast: Profile = { id: 'fast', down: 10_000_000_000, up: 5_000_000_000 }
    const said = (vendor: Vendor) =>
      Object.fromEntries(
        render(alice, fast, 'full', '', vendor, fenced).attributes.map(({ name, value }) => [name, value])
      )
    t.match(said('huawei'), { 'Huawei-Output-Average-Rate': 4_294_967_295, 'Huawei-Input-Average-Rate': 4_294_967_295 })
    t.match(said('coova'), { 'ChilliSpot-Bandwidth-Max-Down': 10_000_000, 'WISPr-Bandwidth-Max-Down': 4_294_967_295 })
    t.match(said('mikrotik'), { 'Mikrotik-Rate-Limit': '5000M/10000M' })
    t.match(said('accel-ppp'), { 'Filter-Id': '10000000/5000000' }, 'never the suffix G')
  }
)

t.test('a rate in one direction only leaves the other unlimited', async t => {
  const down: Profile = { id: 'down', down: 1_500_500 }
  const said = (vendor: Vendor) =>
    render(alice, down, 'full', '', vendor, fenced).attributes.map(({ name, value }) => `${name}=${value}`)
  t.ok(said('mikrotik').includes('Mikrotik-Rate-Limit=0/1500500'))
  t.ok(said('accel-ppp').includes('Filter-Id=1500/0'))
  t.notOk(said('huawei').some(line => line.startsWith('Huawei-Input')))
})

t.test('a MikroTik is not sent an address that means its own pool', async t => {
  for (const [ipv4, sent] of [
    ['127.0.0.1', false],
    ['224.0.0.1', false],
    ['255.255.255.254', false],
    ['223.255.255.1', true]
  ] as const) {
    const { attributes } = render({ ...alice, addresses: { ipv4 } }, profile, 'full', '', 'mikrotik', fenced)
    t.equal(
      attributes.some(({ name }) => name === 'Framed-IP-Address'),
      sent,
      ipv4
    )
    t.equal(
      attributes.some(({ name }) => name === 'Framed-Pool'),
      !sent,
      ipv4
    )
  }
})
