import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

type Section = Record<string, string>
/** Sections by name, each with `.type`. */
export type Uci = Record<string, Record<string, Section>>
type Parameters = Readonly<Record<string, unknown>>
type Result = readonly [status: number, reply?: object]

/** How the router misbehaves. */
export type Misbehaviour = 'hangs' | 'garbage' | 'page' | 'half' | 'oversize'

/** How the router is made. */
export interface OpenwrtOptions {
  readonly user: string
  readonly password: string
  readonly uci: Uci
  /** PEM; without it plain HTTP is spoken. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** ubus over HTTP as rpcd and uhttpd-mod-ubus speak it: sessions, UCI staged by session, apply with roll-back. */
export class OpenwrtSimulator {
  uci: Uci
  /** `object method` of every call that had a session. */
  readonly calls: string[] = []
  /** Calls that are denied by the ACL of the user. */
  readonly denied = new Set<string>()
  /** Options that are taken and not kept, `config.section.option`: after `set`, or only after `apply`. */
  readonly ignores = new Map<string, 'set' | 'apply'>()
  /** A status with which a call answers, once. */
  readonly fails = new Map<string, number>()
  /** Questions that are lost after the next apply, while the network restarts. */
  lostAfterApply = 0
  misbehaves: Misbehaviour | undefined
  interfaces: object[] = []
  devices: Record<string, object> = {}
  /** Restarts so far. */
  restarts = 0
  /** Logins so far. */
  logins = 0
  readonly #options: OpenwrtOptions
  readonly #sessions = new Map<string, { staged: Uci | undefined }>()
  readonly #server: Server
  #before: Uci | undefined
  #lost = 0

  constructor(options: OpenwrtOptions) {
    this.#options = options
    this.uci = structuredClone(options.uci)
    const take = (request: IncomingMessage, response: ServerResponse) => void this.#take(request, response)
    this.#server = options.tls === undefined ? createServer(take) : createTlsServer(options.tls, take)
  }

  /** @returns the port on 127.0.0.1 */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    if (this.#server.listening) await new Promise(resolve => this.#server.close(resolve))
  }

  /** All sessions end: rpcd was restarted, or their time is over. */
  expire(): void {
    this.#sessions.clear()
  }

  /** Sessions that are open. */
  get sessions(): number {
    return this.#sessions.size
  }

  /** Whether an applied change waits for its confirmation. */
  get unconfirmed(): boolean {
    return this.#before !== undefined
  }

  /** The time for the confirmation is over. */
  giveUpWaiting(): void {
    if (this.#before !== undefined) this.uci = this.#before
    this.#before = undefined
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const piece of request) body += String(piece)
    if (this.#misbehave(response)) return
    if (request.url !== '/ubus') return void response.writeHead(404).end('Not Found')
    const { id, params } = JSON.parse(body) as { id: number; params: [string, string, string, Parameters] }
    if (this.#lost > 0) {
      this.#lost -= 1
      return void response.socket?.destroy()
    }
    const said = this.#answer(...params)
    if (params[2] === 'apply') this.#lost = this.lostAfterApply
    const denied = { error: { code: -32002, message: 'Access denied' } }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(said === undefined ? denied : { result: said }) }))
  }

  #misbehave(response: ServerResponse): boolean {
    switch (this.misbehaves) {
      case undefined:
        return false
      case 'hangs':
        break
      case 'garbage':
        response.socket?.end('\x00\x01 this is not HTTP\r\n\r\n')
        break
      case 'page':
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>It works!</html>')
        break
      case 'half':
        response.writeHead(200, { 'content-length': '1000' }).write('{"jsonrpc":')
        setImmediate(() => response.socket?.destroy())
        break
      default:
        response.writeHead(200).end(Buffer.alloc(9 << 20, ' '))
    }
    return true
  }

  /** undefined: access denied, which is what a session that is not there gets too. */
  #answer(session: string, object: string, method: string, parameters: Parameters): Result | undefined {
    const call = `${object} ${method}`
    if (call === 'session login') return this.#login(parameters)
    const held = this.#sessions.get(session)
    if (held === undefined || this.denied.has(call)) return undefined
    this.calls.push(call)
    const fail = this.fails.get(call)
    this.fails.delete(call)
    if (fail !== undefined) return [fail]
    if (call === 'session destroy') this.#sessions.delete(session)
    if (object === 'uci') return this.#uci(held, method, parameters)
    return this.#status(call, parameters)
  }

  #login({ username, password }: Parameters): Result {
    if (username !== this.#options.user || password !== this.#options.password) return [6]
    const session = randomBytes(16).toString('hex')
    this.#sessions.set(session, { staged: undefined })
    this.logins += 1
    return [0, { ubus_rpc_session: session, timeout: 300, expires: 300 }]
  }

  #status(call: string, { interface: name }: Parameters): Result {
    switch (call) {
      case 'session destroy':
        return [0]
      case 'system reboot':
        // A session lives in the memory of rpcd.
        this.#sessions.clear()
        this.restarts += 1
        return [0]
      case 'system board':
        return [0, { model: 'TP-Link Archer C7 v5', hostname: 'cpe', release: { description: 'OpenWrt 24.10.0' } }]
      case 'system info':
        return [0, { uptime: 86_400, load: [32_768, 0, 0], localtime: 1_795_000_000 }]
      case 'network.interface dump':
        return [0, { interface: this.interfaces }]
      case 'network.interface status': {
        const found = this.interfaces.find(one => (one as { interface?: string }).interface === name)
        return found === undefined ? [4] : [0, found]
      }
      case 'network.device status':
        return [0, this.devices]
      case 'network.wireless status':
        return [0, { radio0: { up: true, interfaces: [] } }]
      default:
        return [3]
    }
  }

  #uci(
    held: { staged: Uci | undefined },
    method: string,
    { config = '', section, name, type, values }: Parameters
  ): Result {
    const now = held.staged ?? this.uci
    switch (method) {
      case 'get': {
        const found = now[String(config)]
        return found === undefined ? [4] : [0, { values: found }]
      }
      case 'set':
      case 'add': {
        held.staged ??= structuredClone(this.uci)
        const sections = held.staged[String(config)]
        const key = String(method === 'set' ? section : name)
        if (sections === undefined || (method === 'set' && sections[key] === undefined)) return [4]
        sections[key] ??= { '.type': String(type), '.name': key }
        for (const [option, value] of Object.entries(values as Section))
          if (this.ignores.get(`${String(config)}.${key}.${option}`) !== 'set') sections[key][option] = value
        return method === 'add' ? [0, { section: key }] : [0]
      }
      case 'revert':
        held.staged = undefined
        return [0]
      case 'apply':
        return this.#apply(held)
      case 'confirm':
        this.#before = undefined
        return [0]
      case 'rollback':
        this.giveUpWaiting()
        return [0]
      default:
        return [3]
    }
  }

  #apply(held: { staged: Uci | undefined }): Result {
    if (held.staged === undefined) return [5]
    if (this.#before !== undefined) return [6]
    this.#before = this.uci
    this.uci = structuredClone(held.staged)
    held.staged = undefined
    for (const [place, when] of this.ignores) {
      const [config = '', section = '', option = ''] = place.split('.')
      const kept = this.#before[config]?.[section]?.[option]
      const target = this.uci[config]?.[section]
      if (when === 'apply' && target !== undefined && kept !== undefined) target[option] = kept
    }
    return [0]
  }
}
