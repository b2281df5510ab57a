import * as fc from 'fast-check'
import t from 'tap'
import { loadDictionary } from '../../../config/dictionary/index.js'
import {
  type Attribute,
  decodeValue,
  Dictionary,
  encodeValue,
  errorCauses,
  isValueType,
  newAuthenticator,
  Packet,
  type Pair,
  printPacket,
  RadiusError,
  radiusErrors,
  Secret,
  type Value,
  type ValueType
} from '../../../protocols/radius/index.js'

const dictionary = loadDictionary()
const secret = new Secret('testing123')
const authenticator = newAuthenticator()

function parse(...lines: string[]): Dictionary {
  return Dictionary.parse([{ name: 'test.dict', text: lines.join('\n') }])
}

function decoded(dictionary: Dictionary, attributes: Buffer): Pair[] {
  const packet = Packet.fromAttributes(attributes)
  if (typeof packet === 'string') throw new Error(packet)
  return dictionary.decode(packet, { secret, authenticator })
}

function hex(name: string, value: Value): string {
  return dictionary.encode(name, value).toString('hex')
}

t.test('a dictionary that cannot be read is refused with file, line and what was expected', async t => {
  const vendor = ['VENDOR Acme 4242', 'BEGIN-VENDOR Acme']
  const cases: [string, RegExp, ...string[]][] = [
    [
      'an unknown keyword',
      /^test.dict:2: expected ATTRIBUTE, VALUE, .* not ATRIBUTE$/,
      '# comment',
      'ATRIBUTE A 1 string'
    ],
    ['too few words', /:1: expected ATTRIBUTE <name> <number> <type>/, 'ATTRIBUTE A 1'],
    ['too many words', /:1: expected ATTRIBUTE <name> <number> <type>/, 'ATTRIBUTE A 1 string concat more'],
    ['an unknown type', /:1: expected a type such as .*, not strin$/, 'ATTRIBUTE A 1 strin'],
    ['an unknown flag', /:1: expected has_tag, .* not has_tags$/, 'ATTRIBUTE A 1 string has_tags'],
    ['an unknown way of hiding', /:1: expected .* not encrypt=4$/, 'ATTRIBUTE A 1 string encrypt=4'],
    ['a number that is none', /:1: expected a number 0 to 4294967295, not one$/, 'ATTRIBUTE A one string'],
    ['a number that does not fit', /:1: expected a number that fits the attribute, not 256$/, 'ATTRIBUTE A 256 string'],
    ['number zero', /:1: expected a number that fits/, 'ATTRIBUTE A 0 string'],
    ['an OID without its container', /:1: expected attribute 241 to be defined/, 'ATTRIBUTE A 241.1 string'],
    [
      'a container that is none',
      /:2: expected A to be a tlv or extended, not string$/,
      'ATTRIBUTE A 1 string',
      'ATTRIBUTE B 1.1 byte'
    ],
    [
      'a name used twice',
      /:2: expected a new name: A is attribute 1 already$/,
      'ATTRIBUTE A 1 string',
      'ATTRIBUTE A 2 string'
    ],
    ['a value of nothing', /:1: expected an attribute defined above, not A$/, 'VALUE A x 1'],
    ['a value without number', /:2: expected VALUE <attribute> <name> <number>$/, 'ATTRIBUTE A 1 integer', 'VALUE A x'],
    ['an unknown vendor', /:1: expected a vendor that a VENDOR line defined, not Acme$/, 'BEGIN-VENDOR Acme'],
    ['a vendor without number', /:1: expected VENDOR <name> <number>/, 'VENDOR Acme'],
    ['a vendor used twice', /:2: expected a new name: Acme is vendor 1 already$/, 'VENDOR Acme 1', 'VENDOR Acme 2'],
    ['an unknown format', /:1: expected format=.*, not format=3,1$/, 'VENDOR Acme 4242 format=3,1'],
    ['a vendor left open', /:2: expected END of Acme before the end of the file$/, ...vendor],
    [
      'a vendor inside a vendor',
      /:3: expected BEGIN-VENDOR <name> outside any other BEGIN$/,
      ...vendor,
      'BEGIN-VENDOR Acme'
    ],
    ['the wrong end', /:3: expected the end of Acme$/, ...vendor, 'END-VENDOR Other'],
    ['an end without begin', /:1: expected a BEGIN before END-TLV$/, 'END-TLV A'],
    [
      'a TLV that is none',
      /:2: expected BEGIN-TLV <attribute of type tlv>, not A$/,
      'ATTRIBUTE A 1 string',
      'BEGIN-TLV A'
    ],
    [
      'a parent that is no evs',
      /:3: expected parent=<attribute of type evs>, not parent=A$/,
      'VENDOR Acme 4242',
      'ATTRIBUTE A 1 string',
      'BEGIN-VENDOR Acme parent=A'
    ],
    ['a file that is not there', /:1: expected a file that exists, not other.dict$/, '$INCLUDE other.dict'],
    ['no file at all', /:1: expected \$INCLUDE <file>$/, '$INCLUDE']
  ]
  for (const [name, message, ...lines] of cases)
    t.throws(() => parse(...lines), { code: 'RAD_DICTIONARY', message }, name)
})

t.test('a file may include others, whose errors name them; one that includes itself is refused', async t => {
  const files: Record<string, string> = {
    a: 'ATTRIBUTE A 1 string',
    bad: '\n\nATTRIBUTE',
    loop: '$INCLUDE loop'
  }
  const include = (name: string) => (files[name] === undefined ? undefined : { name, text: files[name] })
  const from = (text: string) => Dictionary.parse([{ name: 'top', text }], include)
  t.equal(from('$INCLUDE a\nATTRIBUTE B 2 string').size, 2)
  t.throws(() => from('$INCLUDE bad'), { message: /^bad:3: / })
  t.throws(() => from('\n$INCLUDE loop'), { message: /^loop:1: expected another file: loop includes itself$/ })
  t.throws(() => from('$INCLUDE a\nOOPS'), { message: /^top:2: / }, 'and lines are counted on where they stood')
})

t.test('a later file may add values and change the type of what an earlier one defined', async t => {
  const both = parse(
    'ATTRIBUTE A 1 integer',
    'VALUE A one 1',
    'ATTRIBUTE A 1 integer',
    'VALUE A uno 1',
    'VALUE A two 2'
  )
  t.equal(both.valueName('A', 1), 'one', 'the first name is the one that is shown')
  t.same(
    [...both.require('A').numbers],
    [
      ['one', 1],
      ['uno', 1],
      ['two', 2]
    ]
  )
})

t.test(
  'other spellings of types, hexadecimal numbers, relative OIDs and flags without meaning here are taken',
  async t => {
    const own = parse(
      'ATTRIBUTE T 1 text',
      'ATTRIBUTE U 0x02 uint32',
      'ATTRIBUTE O 3 octets[6]',
      'ATTRIBUTE Many 4 ipaddr array',
      'VENDOR Acme 4242 format=2,2',
      'BEGIN-VENDOR Acme',
      'ATTRIBUTE Acme-Box 1000 tlv',
      'ATTRIBUTE Acme-In-Box 1000.7 byte',
      'BEGIN-TLV Acme-Box',
      'ATTRIBUTE Acme-Also .8 byte',
      'END-TLV Acme-Box',
      'END-VENDOR Acme'
    )
    t.same(
      [...own.attributes()].map(({ type }) => type),
      ['string', 'integer', 'octets', 'ipaddr', 'tlv', 'byte', 'byte']
    )
    t.equal(own.attributeByOid('26.4242.1000.8')?.name, 'Acme-Also')
    t.equal(own.encode('Acme-In-Box', 9).toString('hex'), '1a0d0000109203e80007070309')
    t.equal(own.vendorFormat(4242).length, 2)
    t.equal(own.vendor(4242)?.name, 'Acme')
  }
)

t.test('values are encoded whole, with the header of their attribute and their vendor', async t => {
  t.equal(hex('Session-Timeout', 3600), '1b0600000e10')
  t.equal(hex('Service-Type', 'Framed'), '060600000002')
  t.equal(hex('Service-Type', 'framed-user'), '060600000002')
  t.equal(hex('Mikrotik-Rate-Limit', '1M/2M'), '1a0d00003a8c0807314d2f324d')
  t.equal(hex('Framed-IPv6-Prefix', '2001:db8::/32'), '6108002020010db8')
  t.equal(hex('Tunnel-Type:2', 'L2TP'), '400602000003')
  t.equal(hex('Tunnel-Private-Group-Id:1', '100'), '510601313030')
  t.equal(hex('Tunnel-Private-Group-Id', '100'), '5105313030')
  t.equal(hex('IP-Port-Limit-Info-Limit', 64), 'f10905020600000040')
  t.equal(hex('Class', '0xcafe'), '1904cafe')
  t.equal(hex('Framed-Interface-Id', '0:0:0:1'), '600a0000000000000001')
  t.equal(hex('Event-Timestamp', '2026-01-01T00:00:00Z'), '37066955b900')
})

t.test('values that do not fit are refused, with the name of the attribute', async t => {
  const cases: [string, Value, RegExp][] = [
    ['Session-Timeout', -1, /^Session-Timeout: expected a whole number 0 to 4294967295, not "-1"$/],
    ['Session-Timeout', 'an hour', /^Session-Timeout: expected a whole number/],
    ['Session-Timeout', 1.5, /whole number/],
    ['Service-Type', 'Framd', /^Service-Type: no value is called Framd; there are Login-User, .*…$/],
    ['Framed-IP-Address', '192.0.2.256', /^Framed-IP-Address: not an IPv4 address/],
    ['Framed-IPv6-Address', '192.0.2.1', /not an IPv6 address/],
    ['Framed-IPv6-Prefix', '2001:db8::/x', /not a prefix of 0 to 128 bits/],
    ['Framed-Interface-Id', '1', /interface id/],
    ['Event-Timestamp', '2026-13-01', /a date such as/],
    ['MIP6-Feature-Vector', -1n, /whole number 0 to 18446744073709551615/],
    ['Class', '0xabc', /pairs of hexadecimal digits/],
    ['Class', 5, /expected text, not "5"/],
    ['NAS-Port', Buffer.alloc(3), /octets that are no integer/],
    ['Tunnel-Type:1', 0x1000000, /tagged number is 0 to 16777215/],
    ['Tunnel-Type:32', 1, /a tag is 0 to 31/],
    ['User-Name:1', 'x', /takes no tag/],
    ['Reply-Message', 'x'.repeat(254), /takes 253 octets/],
    ['Mikrotik-Group', 'x'.repeat(248), /takes 253 octets/],
    ['Vendor-Specific', 'x', /a vsa holds attributes/]
  ]
  for (const [name, value, message] of cases) {
    t.throws(
      () => dictionary.encode(name, value),
      { code: 'RAD_BAD_VALUE', message },
      `${name} ${String(value).slice(0, 20)}`
    )
  }
})

t.test('an unknown name is refused, and the right spelling given where only the case differs', async t => {
  t.throws(() => dictionary.encode('Session-Time-Out', 1), { code: 'RAD_UNKNOWN_ATTRIBUTE' })
  t.throws(() => dictionary.encode('mikrotik-rate-limit', '1M'), { message: /it is spelt Mikrotik-Rate-Limit$/ })
})

t.test('hidden values are encoded for a request, and read again with its secret only', async t => {
  const options = { secret, authenticator }
  for (const name of ['User-Password', 'Tunnel-Password:1', 'MS-MPPE-Send-Key', 'Ascend-Send-Secret']) {
    t.throws(() => dictionary.encode(name, 'sesame'), { code: 'RAD_NEEDS_REQUEST' })
    const octets = dictionary.encode(name, 'sesame', options)
    const [pair] = decoded(dictionary, octets)
    t.match(String(pair?.value), /^sesame/, name)
    t.notMatch(octets.toString('latin1'), /sesame/)
    const packet = Packet.fromAttributes(octets) as Packet
    t.match(printPacket(packet, dictionary), /= \[hidden\]$/)
    t.ok(Buffer.isBuffer(dictionary.decode(packet)[0]?.value), 'octets without the secret')
  }
  t.equal(decoded(dictionary, dictionary.encode('Tunnel-Password:1', 'sesame', options))[0]?.tag, 1)
})

t.test('RFC 6929 §2.2, RFC 3579 §3.1: long values go over several attributes and come back', async t => {
  const text = 'x'.repeat(1000)
  for (const name of ['SAML-Assertion', 'NAS-Filter-Rule', 'WiMAX-AAA-Session-Id', 'EAP-Message']) {
    const attributes = dictionary.encode(name, Buffer.from(text))
    t.same(
      decoded(dictionary, attributes).map(({ value }) => String(value)),
      [text],
      name
    )
  }
})

const samples: Record<ValueType, fc.Arbitrary<Value>> = {
  string: fc.string({ maxLength: 50, unit: 'grapheme' }),
  octets: fc.uint8Array({ maxLength: 50 }).map(array => Buffer.from(array)),
  integer: fc.nat(0xffffffff),
  short: fc.nat(0xffff),
  byte: fc.nat(0xff),
  signed: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  integer64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  date: fc.nat(0xffffffff),
  ipaddr: fc.ipV4(),
  ipv6addr: fc.ipV6(),
  'combo-ip': fc.oneof(fc.ipV4(), fc.ipV6()),
  ipv4prefix: fc.tuple(fc.ipV4(), fc.nat(32)).map(([address, length]) => `${address}/${length}`),
  ipv6prefix: fc.tuple(fc.ipV6(), fc.nat(128)).map(([address, length]) => `${address}/${length}`),
  ifid: fc.uint8Array({ minLength: 8, maxLength: 8 }).map(array => decodeValue('ifid', Buffer.from(array))!),
  ether: fc.uint8Array({ minLength: 6, maxLength: 6 }).map(array => decodeValue('ether', Buffer.from(array))!)
}

for (const [type, arbitrary] of Object.entries(samples) as [ValueType, fc.Arbitrary<Value>][]) {
  t.test(`any ${type} comes back from its octets`, async () => {
    fc.assert(
      fc.property(arbitrary, value => {
        const octets = encodeValue(type, value)
        const back = decodeValue(type, octets)
        return back !== undefined && encodeValue(type, back).equals(octets)
      })
    )
  })
  t.test(`octets that are no ${type} read as undefined, and never throw`, async () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), array => {
        const value = decodeValue(type, Buffer.from(array))
        return value === undefined || encodeValue(type, value).length > 0 || array.length === 0
      })
    )
  })
}

t.test('RFC 5952 §4: IPv6 addresses are written in their canonical form', async t => {
  const forms: Record<string, string> = {
    '2001:0db8:0000:0000:0001:0000:0000:0001': '2001:db8::1:0:0:1',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '2001:DB8::': '2001:db8::',
    '::ffff:192.0.2.1': '::ffff:c000:201',
    '0:0:0:0:0:0:0:0': '::',
    '1:0:0:2:0:0:0:3': '1:0:0:2::3'
  }
  for (const [given, canonical] of Object.entries(forms)) {
    t.equal(decodeValue('ipv6addr', encodeValue('ipv6addr', given)), canonical)
  }
})

function sampleOf({ type, numbers, tagged }: Attribute): Value {
  const named = [...numbers.keys()][0]
  if (named !== undefined) return named
  if (tagged && type === 'integer') return 7
  return fc.sample(samples[type as ValueType], { numRuns: 1, seed: 7 })[0]!
}

t.test('every attribute of the dictionaries can be encoded, and comes back under a name of its number', async t => {
  let count = 0
  for (const attribute of dictionary.attributes()) {
    if (!isValueType(attribute.type) || attribute.name === 'Message-Authenticator') continue
    const octets = dictionary.encode(attribute.name, sampleOf(attribute), { secret, authenticator })
    const [pair, ...more] = decoded(dictionary, octets)
    if (pair?.oid !== attribute.oid || pair.raw === true || more.length > 0)
      t.fail(`${attribute.name} ${attribute.oid}`)
    count++
  }
  t.ok(count > 700, `${count} attributes`)
})

t.test('the dictionaries know the attributes that drive access networks', async t => {
  const known: Record<string, string> = {
    'Mikrotik-Rate-Limit': '26.14988.8',
    'Cisco-AVPair': '26.9.1',
    'ERX-Service-Activate': '26.4874.65',
    'Huawei-Output-Average-Rate': '26.2011.5',
    'H3C-Output-Average-Rate': '26.25506.5',
    'ZTE-Rate-Ctrl-SCR-Down': '26.3902.83',
    'WISPr-Bandwidth-Max-Down': '26.14122.8',
    'ChilliSpot-Bandwidth-Max-Up': '26.14559.4',
    'Alc-SLA-Prof-Str': '26.6527.13',
    'MS-CHAP2-Response': '26.311.25',
    'ADSL-Agent-Circuit-Id': '26.3561.1',
    'Delegated-IPv6-Prefix-Pool': '171'
  }
  for (const [name, oid] of Object.entries(known)) t.equal(dictionary.attribute(name)?.oid, oid, name)
  for (const [number] of errorCauses) t.ok(dictionary.valueName('Error-Cause', number), `Error-Cause ${number}`)
})

t.test("an operator's dictionary adds to those that are known", async t => {
  const folder = t.testdir({
    'acme.dict':
      'VENDOR Acme 4242\nBEGIN-VENDOR Acme\nATTRIBUTE Acme-Plan 1 string\n$INCLUDE more.dict\nEND-VENDOR Acme\n',
    'more.dict': 'VALUE Service-Type Acme-Service 900\n',
    'bad.dict': 'ATTRIBUTE Acme-Plan\n'
  })
  const own = loadDictionary([`${folder}/acme.dict`])
  t.equal(own.attribute('Acme-Plan')?.oid, '26.4242.1')
  t.equal(own.valueName('Service-Type', 900), 'Acme-Service')
  t.throws(() => loadDictionary([`${folder}/bad.dict`]), { code: 'RAD_DICTIONARY', message: /bad\.dict:1: / })
  t.throws(() => loadDictionary([`${folder}/none.dict`]), {
    code: 'RAD_DICTIONARY',
    message: /none\.dict: cannot be read/
  })
})

t.test('passwords are never shown to people', async t => {
  for (const name of [
    'CHAP-Password',
    'MS-CHAP-Response',
    'MS-CHAP2-Response',
    'Mikrotik-Wireless-PSK',
    'Digest-HA1'
  ]) {
    const packet = Packet.fromAttributes(dictionary.encode(name, Buffer.from('sesame-sesame'))) as Packet
    t.match(printPacket(packet, dictionary), new RegExp(`${name} = \\[hidden\\]$`))
  }
})

t.test('every error says what it means in a sentence', async t => {
  for (const [code, text] of Object.entries(radiusErrors)) t.match(text, /^[A-Z].*\.$/, code)
  t.equal(new RadiusError('RAD_TOO_LONG').message, radiusErrors.RAD_TOO_LONG)
})
