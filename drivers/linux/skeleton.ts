import type { Address } from './address.js'
import type { PayPage, Target } from './target.js'

/** One object of nft's JSON. See libnftables-json(5). */
export type Json = Readonly<Record<string, unknown>>

/** Our tables: what fences and shapes, and apart from it what counts, which may be long. */
export const TABLE = 'turnpike'
export const USAGE = 'turnpike-usage'

/** The sets of elements that fence: by what, and what they do. */
export type Fence = 'walled' | 'blocked'
export const fences: readonly Fence[] = ['walled', 'blocked']
export const kinds = ['4', '6', 'mac'] as const
export type Kind = (typeof kinds)[number]

const types: Readonly<Record<Kind, string>> = { 4: 'ipv4_addr', 6: 'ipv6_addr', mac: 'ether_addr' }
const interval = { flags: ['interval'] }
const family = 'inet'

export const add = (what: Json): Json => ({ add: what })
const flush = (what: Json): Json => ({ flush: what })
const setOf = (name: string, type: string, more: Json = {}): Json =>
  add({ set: { family, table: TABLE, name, type, ...more } })
const match = (left: Json, right: unknown, op = '=='): Json => ({ match: { op, left, right } })
const payload = (protocol: string, field: string): Json => ({ payload: { protocol, field } })
const meta = (key: string): Json => ({ meta: { key } })
const accept: Json = { accept: null }

const ip = { 4: 'ip', 6: 'ip6' } as const
const families = ['4', '6'] as const
const nfproto = { 4: 'ipv4', 6: 'ipv6' } as const

/** The end of a packet's path towards us: who sent it (`saddr`), or whom it is for (`daddr`). */
function is(end: 'saddr' | 'daddr', kind: Kind, set: string): Json {
  return match(kind === 'mac' ? payload('ether', end) : payload(ip[kind], end), `@${set}${kind}`)
}

/**
 * The table without its elements, as commands that may be repeated: sets are kept with what is in them, rules are made anew,
 * all in one transaction.
 */
export function skeleton(target: Target): readonly Json[] {
  return [
    add({ table: { family, name: TABLE } }),
    ...fences.flatMap(fence => kinds.map(kind => setOf(`${fence}${kind}`, types[kind], kind === '6' ? interval : {}))),
    ...families.flatMap(kind => [
      setOf(`allowed${kind}`, types[kind], interval),
      flush({ set: { family, table: TABLE, name: `allowed${kind}` } }),
      ...elements(`allowed${kind}`, kind, target.allow),
      add({
        map: {
          family,
          table: TABLE,
          name: `rate${kind}`,
          type: types[kind],
          map: 'classid',
          ...(kind === '6' && interval)
        }
      })
    ]),
    ...chains.flatMap(chain => {
      const named = { family, table: TABLE, ...chain }
      return [add({ chain: named }), flush({ chain: { family, table: TABLE, name: chain.name } })]
    }),
    ...Object.entries(rules(target)).flatMap(([chain, list]) =>
      list.map(expr => add({ rule: { family, table: TABLE, chain, expr } }))
    )
  ]
}

// Before the rules of whoever keeps a firewall (0) and NAT (-100) here, after conntrack (-200).
const chains = [
  { name: 'redirect', type: 'nat', hook: 'prerouting', prio: -105, policy: 'accept' },
  { name: 'forward', type: 'filter', hook: 'forward', prio: -10, policy: 'accept' },
  { name: 'shape', type: 'filter', hook: 'postrouting', prio: -150, policy: 'accept' },
  { name: 'walled' },
  { name: 'walled-down' },
  { name: 'refuse' },
  { name: 'refuse-down' }
] as const
type Chain = (typeof chains)[number]['name']

/** Every rule by its chain. */
export function rules(target: Target): Readonly<Record<Chain, readonly (readonly Json[])[]>> {
  const jump = (name: Chain): Json => ({ jump: { target: name } })
  const goto = (name: Chain): Json => ({ goto: { target: name } })
  const dns = (end: 'dport' | 'sport') => (target.dns ? [[withPorts, match(payload('th', end), 53), accept]] : [])
  return {
    redirect: target.payPages.flatMap(redirect),
    forward: [
      ...kinds.map(kind => [is('saddr', kind, 'walled'), jump('walled')]),
      ...families.map(kind => [is('daddr', kind, 'walled'), jump('walled-down')]),
      ...kinds.map(kind => [is('saddr', kind, 'blocked'), jump('refuse')]),
      ...families.map(kind => [is('daddr', kind, 'blocked'), jump('refuse-down')])
    ],
    shape: families.flatMap(kind => (['saddr', 'daddr'] as const).map(end => [priority(kind, end)])),
    walled: [...families.map(kind => [is('daddr', kind, 'allowed'), accept]), ...dns('dport'), [goto('refuse')]],
    'walled-down': [
      ...families.map(kind => [is('saddr', kind, 'allowed'), accept]),
      ...dns('sport'),
      [goto('refuse-down')]
    ],
    // A reset may pass: it ends the connection at the other side too.
    refuse: [
      [match({ '&': [payload('tcp', 'flags'), 'rst'] }, 'rst'), accept],
      [match(meta('l4proto'), 'tcp'), { reject: { type: 'tcp reset' } }],
      [{ reject: { type: 'icmpx', expr: 'admin-prohibited' } }]
    ],
    // What an open connection still brings is let through: the subscriber's ACK to it is what gets them the reset. By its
    // flags, not by conntrack, which has not seen how a connection began that is older than our first rule.
    'refuse-down': [
      [match(meta('l4proto'), 'tcp'), match({ '&': [payload('tcp', 'flags'), 'syn'] }, 'syn', '!='), accept],
      [goto('refuse')]
    ]
  }
}

const withPorts = match(meta('l4proto'), { set: ['tcp', 'udp'] })

function redirect({ address, port }: PayPage): readonly (readonly Json[])[] {
  const mine = families.filter(kind => address === undefined || (kind === '6') === address.includes(':'))
  return mine.flatMap(kind => {
    const to: Json =
      address === undefined ? { redirect: { port } } : { dnat: { family: ip[kind], addr: address, port } }
    const elsewhere = match(payload(ip[kind], 'daddr'), `@allowed${kind}`, '!=')
    return ([kind, 'mac'] as const).map(by => [
      match(meta('nfproto'), nfproto[kind]),
      is('saddr', by, 'walled'),
      elsewhere,
      match(payload('tcp', 'dport'), 80),
      to
    ])
  })
}

// The classes of HTB are found by the packet's priority where its major number is that of the interface's root.
function priority(kind: '4' | '6', end: 'saddr' | 'daddr'): Json {
  return { mangle: { key: meta('priority'), value: { map: { key: payload(ip[kind], end), data: `@rate${kind}` } } } }
}

/**
 * The table that counts, in nft's own language (its JSON has no word for sets that rules fill): an element for each address
 * (IPv6: each /64) of the subscribers' networks. May be repeated: what was counted is kept.
 */
export function usage({ subscribers }: Target): string {
  const counted = `size ${MOST_COUNTED}; flags dynamic, timeout; timeout 1d; counter;`
  const lines = families.flatMap(kind => {
    const nets = subscribers
      .filter(({ family }) => String(family) === kind)
      .map(({ text, length }) => `${text}/${length}`)
    const mask = kind === '4' ? '' : ' and ffff:ffff:ffff:ffff::'
    return [
      `add set inet ${USAGE} nets${kind} { type ${types[kind]}; flags interval; }`,
      `flush set inet ${USAGE} nets${kind}`,
      ...(nets.length === 0 ? [] : [`add element inet ${USAGE} nets${kind} { ${nets.join(', ')} }`]),
      ...(
        [
          ['up', 'saddr'],
          ['down', 'daddr']
        ] as const
      ).flatMap(([way, end]) => [
        `add set inet ${USAGE} ${way}${kind} { type ${types[kind]}; ${counted} }`,
        `add rule inet ${USAGE} count ${ip[kind]} ${end} @nets${kind} update @${way}${kind} { ${ip[kind]} ${end}${mask} }`
      ])
    ]
  })
  return [
    `add table inet ${USAGE}`,
    `add chain inet ${USAGE} count { type filter hook forward priority 10; policy accept; }`,
    `flush chain inet ${USAGE} count`,
    ...lines,
    ''
  ].join('\n')
}

const MOST_COUNTED = 65_536

function elements(name: string, kind: '4' | '6', all: readonly Address[]): readonly Json[] {
  const elem = all.filter(({ family }) => String(family) === kind).map(valueOf)
  return elem.length === 0 ? [] : [add({ element: { family, table: TABLE, name, elem } })]
}

/** An address as nft's JSON spells it. */
export function valueOf({ family, text, length }: Address): unknown {
  return length === (family === 4 ? 32 : 128) ? text : { prefix: { addr: text, len: length } }
}
