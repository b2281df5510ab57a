import { isIPv4 } from 'node:net'
import { type Menu, menus } from './menus.js'
import { matches, type Row } from './query.js'
import { normalised } from './values.js'

/** A refusal, worded as RouterOS words it. */
export class Refusal extends Error {
  readonly category: number | undefined

  constructor(message: string, category?: number) {
    super(message)
    this.name = 'Refusal'
    this.category = category
  }
}

/** The tables of a router: every menu with its rows. Ids are hexadecimal behind a star, as the router's. */
export class Tables {
  readonly #rows = new Map<string, Row[]>()
  #next = 1

  constructor() {
    for (const path of Object.keys(menus)) this.#rows.set(path, [])
    this.#rows.set('/system/identity', [{ name: 'MikroTik' }])
    this.#rows.set('/system/resource', [
      { version: '7.18.2 (stable)', 'board-name': 'CHR', uptime: '1d2h3m4s', 'cpu-load': '3' }
    ])
    this.#rows.set('/radius/incoming', [{ accept: 'false', port: '3799' }])
    this.#rows.set('/ppp/aaa', [{ 'use-radius': 'false', accounting: 'true', 'interim-update': '0s' }])
    this.put('/ppp/profile', { name: 'default' })
    this.put('/interface/list', { name: 'all', builtin: 'true' })
  }

  /** Rows of a menu, as they stand. Tests read and change them. */
  rows(path: string): Row[] {
    const rows = this.#rows.get(path)
    if (rows === undefined) throw new Refusal('no such command prefix', 0)
    return rows
  }

  /** Whether a menu is there; taking it away is what a package that is not installed does. */
  has(path: string): boolean {
    return this.#rows.has(path)
  }

  /** Takes a menu away. */
  uninstall(path: string): void {
    this.#rows.delete(path)
  }

  /** Puts a row in, unchecked: what the router makes by itself. @returns its id */
  put(path: string, row: Row): string {
    const id = `*${(this.#next++).toString(16).toUpperCase()}`
    this.rows(path).push({ '.id': id, ...row })
    return id
  }

  print(path: string, query: readonly string[]): Row[] {
    return this.rows(path).filter(row => matches(row, query))
  }

  add(path: string, given: Row): string {
    const menu = this.#menu(path, 'add')
    const { 'place-before': before, ...row } = normalised(given)
    this.#check(menu, row)
    const missing = menu.needs?.find(name => row[name] === undefined)
    if (missing !== undefined) throw new Refusal(`missing value(s) of argument(s) ${missing}`, 1)
    const whole = { ...menu.defaults, ...row }
    this.#checkUnique(path, menu, whole)
    const place = before === undefined ? undefined : this.#index(path, before)
    const id = this.put(path, whole)
    if (place !== undefined) this.#move(path, place)
    return id
  }

  set(path: string, id: string | undefined, given: Row): void {
    const menu = this.#menu(path, 'set')
    const row = normalised(given)
    this.#check(menu, row)
    const index = menu.single === true ? 0 : this.#index(path, id)
    const before = this.rows(path)[index] ?? {}
    if (before['dynamic'] === 'true') throw new Refusal('failure: can not change dynamic item')
    const after = { ...before, ...row }
    this.#checkUnique(path, menu, after)
    this.rows(path)[index] = after
  }

  remove(path: string, id: string | undefined): void {
    this.#menu(path, 'remove')
    const [row] = this.rows(path).splice(this.#index(path, id), 1)
    if (path === '/ppp/active' && row !== undefined) this.#hangUp(row)
  }

  /** What goes with a PPP session: its interface, its queue and its entries of address lists. */
  #hangUp({ service = '', name = '', address = '' }: Row): void {
    const line = `<${service}-${name}>`
    this.#drop('/interface', row => row['name'] === line)
    this.#drop('/queue/simple', row => row['dynamic'] === 'true' && row['target'] === line)
    this.#drop('/ip/firewall/address-list', row => row['dynamic'] === 'true' && row['address'] === address)
  }

  #drop(path: string, which: (row: Row) => boolean): void {
    this.#rows.set(
      path,
      this.rows(path).filter(row => !which(row))
    )
  }

  #menu(path: string, command: 'add' | 'set' | 'remove'): Menu {
    this.rows(path)
    const menu = menus[path]
    if (menu?.can.includes(command) !== true) throw new Refusal('no such command', 0)
    return menu
  }

  #check(menu: Menu, row: Row): void {
    for (const [name, value] of Object.entries(row)) {
      if (!menu.takes.includes(name)) throw new Refusal('unknown parameter', 0)
      const [property, ...others] = menu.refersTo?.[name] ?? []
      const isThere = (other: string) => this.rows(other).some(row => property !== undefined && row[property] === value)
      if (property !== undefined && !others.some(isThere))
        throw new Refusal(`input does not match any value of ${name}`, 1)
    }
    const { address } = row
    if (address !== undefined && !isIPv4(address.replace(/\/\d+$/, '')))
      throw new Refusal(`invalid value for argument address`, 1)
  }

  #checkUnique(path: string, { unique }: Menu, row: Row): void {
    if (unique === undefined) return
    const twin = this.rows(path).find(
      other => other['.id'] !== row['.id'] && unique.every(name => other[name] === row[name])
    )
    if (twin !== undefined) throw new Refusal('failure: already have such entry')
  }

  #index(path: string, id: string | undefined): number {
    const index = this.rows(path).findIndex(row => row['.id'] === id)
    if (index === -1) throw new Refusal('no such item', 0)
    return index
  }

  #move(path: string, to: number): void {
    const rows = this.rows(path)
    const last = rows.pop()
    if (last !== undefined) rows.splice(to, 0, last)
  }
}
