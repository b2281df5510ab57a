import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Value = string | number | boolean

/** A CPE: what it has, and whether it answers a connection request. */
export interface SimulatedCpe {
  readonly serial: string
  online: boolean
  /** By full TR-069 name. */
  readonly parameters: Map<string, Value>
  /** Number of a CWMP fault with which it answers to the setting of a parameter. */
  readonly refuses: Map<string, number>
  /** Parameters that it takes and does not keep. */
  readonly ignores: Set<string>
  reboots: number
}

interface Kept {
  readonly _id: string
  readonly device: string
  readonly name: string
  readonly parameterValues?: readonly (readonly [string, Value, string])[]
  readonly parameterNames?: readonly string[]
  readonly objectName?: string
}

/** How the server misbehaves. */
export type Misbehaviour = 'hangs' | 'garbage' | 'page' | 'half' | 'oversize' | 'broken'

/** What makes a CPE. */
export interface CpeOptions {
  readonly serial: string
  readonly parameters: Readonly<Record<string, Value>>
  readonly online?: boolean
}

/**
 * The NBI of GenieACS with CPEs behind it, after its API reference: queries by equality and `$or`, projections, tasks
 * that are done (200) or wait (202), faults. The cache of GenieACS and the CPE are two things here too.
 */
export class GenieacsSimulator {
  readonly cpes = new Map<string, SimulatedCpe>()
  readonly tasks = new Map<string, Kept>()
  readonly faults = new Map<string, Record<string, unknown>>()
  /** Method and path of what was asked, without queries. */
  readonly requests: string[] = []
  misbehaves: Misbehaviour | undefined
  readonly #cache = new Map<string, Map<string, Value>>()
  readonly #authorization: string | undefined
  readonly #server: Server
  #count = 0

  /** @param login  what a proxy before the NBI asks for; none by itself */
  constructor(login?: { readonly user: string; readonly password: string }) {
    this.#authorization = login && `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
    this.#server = createServer((request, response) => void this.#take(request, response))
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

  /** Adds a CPE that has informed. */
  add(id: string, { serial, parameters, online = true }: CpeOptions): SimulatedCpe {
    const cpe: SimulatedCpe = {
      serial,
      online,
      parameters: new Map(Object.entries(parameters)),
      refuses: new Map(),
      ignores: new Set(),
      reboots: 0
    }
    this.cpes.set(id, cpe)
    this.#cache.set(id, new Map())
    for (const name of cpe.parameters.keys()) this.#see(id, cpe, name)
    return cpe
  }

  /** The CPE comes by itself: what waited is done. */
  inform(id: string): void {
    const cpe = this.cpes.get(id)
    if (cpe === undefined) return
    for (const task of this.tasks.values()) if (task.device === id) this.#run(cpe, task)
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const piece of request) body += String(piece)
    if (this.#misbehave(response)) return
    const url = new URL(request.url ?? '/', 'http://nbi')
    this.requests.push(`${request.method} ${url.pathname}`)
    if (this.#authorization !== undefined && request.headers.authorization !== this.#authorization)
      return say(response, 401, 'Unauthorized')
    response.setHeader('GenieACS-Version', '1.2.13')
    const [, collection, id = '', rest] = url.pathname.split('/').map(decodeURIComponent)
    if (request.method === 'POST' && collection === 'devices' && rest === 'tasks')
      return this.#post(response, id, url, body)
    if (request.method === 'DELETE' && collection === 'tasks') return this.#delete(response, id)
    if (request.method === 'GET' && id === '') return this.#list(response, collection ?? '', url)
    say(response, 404, '404 Not Found')
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
        response.writeHead(200, { 'content-length': '1000' }).write('[{"_id":')
        setImmediate(() => response.socket?.destroy())
        break
      case 'oversize':
        response.writeHead(200).end(Buffer.alloc(9 << 20, ' '))
        break
      default:
        response.writeHead(500).end('MongoNetworkError')
    }
    return true
  }

  #post(response: ServerResponse, id: string, url: URL, body: string): void {
    const cpe = this.cpes.get(id)
    if (cpe === undefined) return say(response, 404, 'No such device')
    const called = url.searchParams.has('connection_request')
    if (body === '') return cpe.online ? say(response, 200, '') : say(response, 504, 'Device is offline')
    const task: Kept = { ...(JSON.parse(body) as Kept), _id: this.#newId(), device: id }
    this.tasks.set(task._id, task)
    if (called && cpe.online) this.#run(cpe, task)
    const waits = this.tasks.has(task._id)
    const faulted = this.faults.has(`${id}:task_${task._id}`)
    const reason = faulted ? 'Task faulted' : cpe.online ? 'Task queued but not processed' : 'Device is offline'
    if (waits) response.writeHead(202, called ? reason : 'Accepted', { 'content-type': 'application/json' })
    else response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(task))
  }

  #run(cpe: SimulatedCpe, task: Kept): void {
    const { parameterValues = [], parameterNames = [], objectName = '' } = task
    const bad = [
      ...parameterValues.flatMap(([name]) => badOf(cpe, name)),
      ...parameterNames.flatMap(name => (cpe.parameters.has(name) ? [] : [{ parameterName: name, faultCode: '9005' }]))
    ]
    if (bad.length > 0) return this.#fault(task, bad)
    for (const [name, value] of parameterValues) {
      if (!cpe.ignores.has(name)) cpe.parameters.set(name, value)
      this.#cache.get(task.device)?.set(name, value)
    }
    const all = [...cpe.parameters.keys()]
    const seen = task.name === 'refreshObject' ? all.filter(name => name.startsWith(objectName)) : parameterNames
    for (const name of seen) this.#see(task.device, cpe, name)
    if (task.name === 'reboot') cpe.reboots += 1
    this.tasks.delete(task._id)
  }

  #fault(
    { _id, device, name, parameterValues = [] }: Kept,
    bad: readonly { parameterName: string; faultCode: string }[]
  ): void {
    const channel = `task_${_id}`
    // Some CPEs repeat the value that they refuse.
    const [blamed] = bad
    const value = parameterValues.find(([name]) => name === blamed?.parameterName)?.[1]
    this.faults.set(`${device}:${channel}`, {
      _id: `${device}:${channel}`,
      device,
      channel,
      code: `cwmp.${name === 'setParameterValues' ? '9003' : (blamed?.faultCode ?? '9002')}`,
      message: value === undefined ? 'Invalid parameter name' : `Invalid arguments near ${value}`,
      detail: { faultCode: '9003', faultString: 'Invalid arguments', setParameterValuesFault: bad },
      retries: 0
    })
  }

  /** GenieACS learns what the CPE shows; a password is shown as nothing. */
  #see(id: string, cpe: SimulatedCpe, name: string): void {
    const value = cpe.parameters.get(name)
    if (value !== undefined) this.#cache.get(id)?.set(name, /password|passphrase/i.test(name) ? '' : value)
  }

  #delete(response: ServerResponse, id: string): void {
    const task = this.tasks.get(id)
    if (task === undefined) return say(response, 404, 'Task not found')
    this.tasks.delete(id)
    this.faults.delete(`${task.device}:task_${id}`)
    say(response, 200, '')
  }

  #list(response: ServerResponse, collection: string, url: URL): void {
    const query = JSON.parse(url.searchParams.get('query') ?? '{}') as Record<string, unknown>
    const limit = Number(url.searchParams.get('limit') ?? 1000)
    const paths = url.searchParams.get('projection')?.split(',')
    const found =
      collection === 'devices'
        ? [...this.cpes.keys()].filter(id => this.#matches(id, query)).map(id => this.#document(id, paths))
        : [...(collection === 'faults' ? this.faults.values() : this.tasks.values())].filter(
            one => query['device'] === undefined || one['device'] === query['device']
          )
    response.writeHead(200, { 'content-type': 'application/json', total: found.length })
    response.end(JSON.stringify(found.slice(0, limit)))
  }

  #matches(id: string, query: Record<string, unknown>): boolean {
    return Object.entries(query).every(([name, wanted]) => {
      if (name === '$or') return (wanted as Record<string, unknown>[]).some(one => this.#matches(id, one))
      if (name === '_id') return id === wanted
      if (name === '_deviceId._SerialNumber') return this.cpes.get(id)?.serial === wanted
      return this.#cache.get(id)?.get(name) === wanted
    })
  }

  #document(id: string, paths: readonly string[] | undefined): Record<string, unknown> {
    const whole: Record<string, unknown> = { _id: id, _lastInform: '2026-11-24T10:00:00.000Z' }
    const wanted = (name: string) =>
      paths === undefined || paths.some(path => name === path || name.startsWith(`${path}.`))
    if (wanted('_deviceId._SerialNumber')) whole['_deviceId'] = { _SerialNumber: this.cpes.get(id)?.serial }
    for (const [name, value] of this.#cache.get(id) ?? []) {
      if (!wanted(name)) continue
      const steps = name.split('.')
      const last = steps.pop() ?? ''
      let here = whole
      for (const step of steps) here = (here[step] ??= {}) as Record<string, unknown>
      here[last] = { _value: value, _type: typeName(value), _writable: true }
    }
    return whole
  }

  #newId(): string {
    this.#count += 1
    return this.#count.toString(16).padStart(24, '0')
  }
}

function badOf(cpe: SimulatedCpe, name: string): { parameterName: string; faultCode: string }[] {
  const code = cpe.parameters.has(name) ? cpe.refuses.get(name) : 9005
  return code === undefined ? [] : [{ parameterName: name, faultCode: String(code) }]
}

function typeName(value: Value): string {
  if (typeof value === 'boolean') return 'xsd:boolean'
  return typeof value === 'number' ? 'xsd:unsignedInt' : 'xsd:string'
}

function say(response: ServerResponse, status: number, words: string): void {
  response.writeHead(status, status >= 500 ? words : undefined).end(words)
}
