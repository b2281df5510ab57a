/** What a menu of the router takes and shows. */
export interface Menu {
  readonly can: readonly ('add' | 'set' | 'remove')[]
  /** Properties that `add` and `set` take. */
  readonly takes: readonly string[]
  readonly needs?: readonly string[]
  /** Properties that together may stand once. */
  readonly unique?: readonly string[]
  readonly defaults?: Readonly<Record<string, string>>
  /** Shown only to users with the policy `sensitive`. */
  readonly sensitive?: readonly string[]
  /** Property to another's, in menus of which one must hold the value. */
  readonly refersTo?: Readonly<Record<string, readonly [property: string, ...menus: string[]]>>
  /** A policy that changes need beside `write`. */
  readonly policy?: 'policy'
  /** One row that is always there, without `.id`. */
  readonly single?: boolean
}

const off = { disabled: 'false' }
const made = { dynamic: 'false', ...off }
const rule: Menu = {
  can: ['add', 'set', 'remove'],
  takes: [
    'chain',
    'action',
    'src-address-list',
    'dst-address-list',
    'src-address',
    'dst-address',
    'out-interface',
    'protocol',
    'dst-port',
    'connection-state',
    'reject-with',
    'to-addresses',
    'comment',
    'disabled',
    'place-before'
  ],
  needs: ['chain'],
  defaults: made
}

/** Rows that a name tells apart. */
function named(takes: readonly string[], more: Partial<Menu> = {}): Menu {
  return { can: ['add', 'set', 'remove'], takes: ['name', ...takes], needs: ['name'], unique: ['name'], ...more }
}

const anInterface = {
  interface: ['name', '/interface', '/interface/bridge', '/interface/wifi', '/interface/wireless']
} as const
const radio: Menu = {
  can: ['set'],
  takes: ['mode', 'ssid', 'security-profile', 'disabled', 'configuration.mode', 'configuration.ssid'],
  defaults: off
}

/** The menus that bring a router into service: lines, radios, services, users. */
const serving: Readonly<Record<string, Menu>> = {
  '/interface/pppoe-client': named(
    ['interface', 'user', 'password', 'add-default-route', 'use-peer-dns', 'max-mtu', 'disabled', 'comment'],
    {
      needs: ['interface'],
      defaults: { 'add-default-route': 'false', 'use-peer-dns': 'false', 'max-mtu': 'auto', disabled: 'true' },
      sensitive: ['password'],
      refersTo: anInterface
    }
  ),
  '/interface/list': named(['comment'], { defaults: { builtin: 'false' } }),
  '/interface/list/member': {
    can: ['add', 'set', 'remove'],
    takes: ['list', 'interface', 'comment', 'disabled'],
    needs: ['list', 'interface'],
    unique: ['list', 'interface'],
    defaults: made,
    refersTo: { list: ['name', '/interface/list'] }
  },
  '/interface/bridge': named(['comment', 'disabled'], { defaults: off }),
  '/interface/bridge/port': {
    can: ['add', 'set', 'remove'],
    takes: ['bridge', 'interface', 'comment', 'disabled'],
    needs: ['bridge', 'interface'],
    unique: ['interface'],
    defaults: made,
    refersTo: { ...anInterface, bridge: ['name', '/interface/bridge'] }
  },
  '/interface/wifi': radio,
  '/interface/wireless': radio,
  '/interface/wireless/security-profiles': named(['mode', 'comment'], { defaults: { mode: 'none' } }),
  '/interface/pppoe-server/server': {
    can: ['add', 'set', 'remove'],
    takes: [
      'service-name',
      'interface',
      'default-profile',
      'authentication',
      'one-session-per-host',
      'keepalive-timeout',
      'disabled'
    ],
    needs: ['interface'],
    defaults: { authentication: 'pap,chap,mschap1,mschap2', 'one-session-per-host': 'false', disabled: 'true' },
    refersTo: { ...anInterface, 'default-profile': ['name', '/ppp/profile'] }
  },
  '/ip/address': {
    can: ['add', 'set', 'remove'],
    takes: ['address', 'interface', 'comment', 'disabled'],
    needs: ['address', 'interface'],
    defaults: made,
    refersTo: anInterface
  },
  '/ip/pool': named(['ranges', 'comment'], { needs: ['name', 'ranges'] }),
  '/ip/dhcp-server': named(['interface', 'address-pool', 'lease-time', 'disabled'], {
    needs: ['interface'],
    defaults: made,
    refersTo: { ...anInterface, 'address-pool': ['name', '/ip/pool'] }
  }),
  '/ip/dhcp-server/network': {
    can: ['add', 'set', 'remove'],
    takes: ['address', 'gateway', 'dns-server', 'comment'],
    needs: ['address'],
    unique: ['address'],
    defaults: { dynamic: 'false' }
  },
  '/ip/hotspot/profile': named([
    'hotspot-address',
    'dns-name',
    'login-by',
    'use-radius',
    'radius-accounting',
    'radius-interim-update'
  ]),
  '/ip/hotspot': named(['interface', 'address-pool', 'profile', 'disabled'], {
    needs: ['interface'],
    defaults: { disabled: 'true' },
    refersTo: { ...anInterface, 'address-pool': ['name', '/ip/pool'], profile: ['name', '/ip/hotspot/profile'] }
  }),
  '/radius': {
    can: ['add', 'set', 'remove'],
    takes: [
      'service',
      'address',
      'secret',
      'authentication-port',
      'accounting-port',
      'timeout',
      'src-address',
      'comment',
      'disabled'
    ],
    needs: ['address'],
    defaults: { timeout: '300ms', ...off },
    sensitive: ['secret']
  },
  '/radius/incoming': { can: ['set'], takes: ['accept', 'port'], single: true },
  '/ppp/aaa': { can: ['set'], takes: ['use-radius', 'accounting', 'interim-update'], single: true },
  '/user/group': named(['policy', 'comment'], { policy: 'policy' }),
  '/user': named(['group', 'password', 'address', 'comment', 'disabled'], {
    needs: ['name', 'group'],
    defaults: off,
    sensitive: ['password'],
    policy: 'policy',
    refersTo: { group: ['name', '/user/group'] }
  })
}

/** The menus that the simulator has. */
export const menus: Readonly<Record<string, Menu>> = {
  ...serving,
  '/system/identity': { can: ['set'], takes: ['name'], single: true },
  '/system/resource': { can: [], takes: [], single: true },
  '/interface': { can: ['set'], takes: ['name', 'disabled', 'comment'], defaults: off },
  '/ip/firewall/filter': rule,
  '/ip/firewall/raw': rule,
  '/ip/firewall/mangle': rule,
  '/ip/firewall/nat': rule,
  '/ip/firewall/address-list': {
    can: ['add', 'set', 'remove'],
    takes: ['list', 'address', 'comment', 'disabled', 'timeout'],
    needs: ['list', 'address'],
    unique: ['list', 'address'],
    defaults: made
  },
  '/ppp/active': { can: ['remove'], takes: [] },
  '/ppp/profile': named([
    'local-address',
    'remote-address',
    'dns-server',
    'change-tcp-mss',
    'only-one',
    'on-down',
    'comment'
  ]),
  '/ppp/secret': {
    can: ['add', 'set', 'remove'],
    takes: ['name', 'password', 'service', 'profile', 'remote-address', 'comment', 'disabled'],
    needs: ['name'],
    unique: ['name'],
    defaults: { service: 'any', profile: 'default', ...off },
    sensitive: ['password'],
    refersTo: { profile: ['name', '/ppp/profile'] }
  },
  '/ip/hotspot/active': { can: ['remove'], takes: [] },
  '/ip/dhcp-server/lease': {
    can: ['add', 'set', 'remove'],
    takes: ['address', 'mac-address', 'server', 'rate-limit', 'block-access', 'comment', 'disabled'],
    needs: ['address'],
    unique: ['address'],
    defaults: { status: 'waiting', ...made }
  },
  '/queue/simple': {
    can: ['add', 'set', 'remove'],
    takes: ['name', 'target', 'max-limit', 'comment', 'disabled', 'place-before'],
    needs: ['target'],
    unique: ['name'],
    defaults: { 'max-limit': '0/0', bytes: '0/0', ...made }
  }
}
