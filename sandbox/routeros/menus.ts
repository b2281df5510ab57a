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
  /** Property to another menu's, by whose values it is checked. */
  readonly refersTo?: Readonly<Record<string, readonly [menu: string, property: string]>>
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
    'reject-with',
    'comment',
    'disabled',
    'place-before'
  ],
  needs: ['chain'],
  defaults: made
}

/** The menus that the simulator has. */
export const menus: Readonly<Record<string, Menu>> = {
  '/system/identity': { can: ['set'], takes: ['name'], single: true },
  '/system/resource': { can: [], takes: [], single: true },
  '/interface': { can: ['set'], takes: ['name', 'disabled', 'comment'], defaults: off },
  '/ip/firewall/filter': rule,
  '/ip/firewall/raw': rule,
  '/ip/firewall/mangle': rule,
  '/ip/firewall/address-list': {
    can: ['add', 'set', 'remove'],
    takes: ['list', 'address', 'comment', 'disabled', 'timeout'],
    needs: ['list', 'address'],
    unique: ['list', 'address'],
    defaults: made
  },
  '/ppp/active': { can: ['remove'], takes: [] },
  '/ppp/profile': { can: ['add', 'set', 'remove'], takes: ['name', 'comment'], needs: ['name'], unique: ['name'] },
  '/ppp/secret': {
    can: ['add', 'set', 'remove'],
    takes: ['name', 'password', 'service', 'profile', 'remote-address', 'comment', 'disabled'],
    needs: ['name'],
    unique: ['name'],
    defaults: { service: 'any', profile: 'default', ...off },
    sensitive: ['password'],
    refersTo: { profile: ['/ppp/profile', 'name'] }
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
