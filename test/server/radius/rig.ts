import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { type Logger, pino } from 'pino'
import type { Grant, Nas, Profile, Refusal, Session, Subscriber } from '../../../agent/model/index.js'
import { defaultPolicySettings, macOf, type PolicySettings } from '../../../agent/policy/index.js'
import { Tickets } from '../../../agent/sessions/index.js'
import { loadDictionary } from '../../../config/dictionary/index.js'
import {
  Attr,
  AttributeWriter,
  Code,
  encodeRequest,
  encodeUserPassword,
  newAuthenticator,
  Packet,
  Secret,
  verifyResponse
} from '../../../protocols/radius/index.js'
import {
  accessHandler,
  type AccessOptions,
  type Handler,
  plain,
  RadiusServer,
  type RadiusServerOptions,
  type Rejected
} from '../../../server/radius/index.js'

export const dictionary = loadDictionary()
export const SECRET = 'a shared secret of the tests'
export const secret = new Secret(SECRET)
export const T0 = Date.parse('2026-11-23T12:00:00Z')

export const nas: Nas = { id: 'bras-1', addresses: ['127.0.0.1'], vendor: 'mikrotik', secretRef: 'file:none' }
export const home: Profile = { id: 'home-100', down: 100_000_000, up: 20_000_000, interimInterval: 300 }
export const alice: Subscriber = {
  id: 'sub_1',
  username: 'alice',
  status: 'active',
  profile: 'home-100',
  credentials: { password: 'wonderland' }
}

/** What is logged, as objects. */
export interface Lines {
  readonly log: Logger
  readonly lines: Record<string, unknown>[]
}

export function lines(): Lines {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>)
      done()
    }
  })
  return { lines, log: pino({ level: 'debug' }, stream) }
}

/** The documents, as the replica would hold them. */
export class Documents {
  readonly subscribers: Subscriber[]
  readonly profiles: Profile[]

  constructor(subscribers: Subscriber[] = [alice], profiles: Profile[] = [home]) {
    this.subscribers = subscribers
    this.profiles = profiles
  }

  subscriberByUserName(name: string): Subscriber | undefined {
    return this.subscribers.find(subscriber => subscriber.username === name)
  }

  subscriberByMac(mac: string): Subscriber | undefined {
    const spelled = macOf(mac)
    return this.subscribers.find(subscriber => subscriber.credentials?.macs?.includes(spelled ?? '') === true)
  }

  profile(id: string): Profile | undefined {
    return this.profiles.find(profile => profile.id === id)
  }
}

/** A server on loopback with everything it needs, and what it did. */
export interface Rig {
  readonly server: RadiusServer
  readonly authentication: number
  readonly accounting: number
  readonly granted: Grant[]
  readonly refused: Refusal[]
  readonly rejects: Rejected[]
  readonly lines: Lines['lines']
  readonly tickets: Tickets
  now: number
}

export interface RigOptions extends Partial<Omit<RadiusServerOptions, 'access' | 'accounting' | 'nases'>> {
  readonly documents?: Documents
  readonly nases?: readonly Nas[]
  readonly find?: (address: string) => Nas | undefined
  readonly sessions?: readonly Session[]
  readonly settings?: PolicySettings
  readonly eap?: AccessOptions['eap']
  readonly access?: Handler
  readonly accounting?: Handler
}

/** Something that is undone when the test ends. */
interface Test {
  teardown(undo: () => unknown): unknown
}

export async function rig(t: Test, options: RigOptions = {}): Promise<Rig> {
  const { documents = new Documents(), nases = [nas], sessions = [], settings = defaultPolicySettings } = options
  const { log, lines: logged } = lines()
  const tickets = new Tickets(Buffer.alloc(32, 7))
  const made = { granted: [] as Grant[], refused: [] as Refusal[], rejects: [] as Rejected[], now: T0 }
  const clock = () => made.now
  const access = accessHandler({
    directory: documents,
    sessions: {
      ofSubscriber: id => sessions.filter(session => session.subscriber === id),
      granted: grant => made.granted.push(grant),
      refused: refusal => made.refused.push(refusal)
    },
    tickets,
    dictionary,
    settings,
    rejections: { note: rejected => made.rejects.push(rejected) },
    clock,
    log,
    eap: options.eap
  })
  const server = new RadiusServer({
    secretOf: () => secret,
    access,
    accounting: () => plain('recorded'),
    rejectDelay: 0,
    clock,
    log,
    ...options,
    nases: { find: options.find ?? (address => nases.find(({ addresses }) => addresses.includes(address))) }
  })
  t.teardown(() => server.close())
  const host = '127.0.0.1'
  const bound = await server.listen({
    authentication: [{ host, port: 0 }],
    accounting: [{ host, port: 0 }],
    receiveBuffer: 65_536
  })
  return Object.assign(made, {
    server,
    authentication: bound.authentication[0]!.port,
    accounting: bound.accounting[0]!.port,
    lines: logged,
    tickets
  })
}

/** A NAS: a socket that asks, and keeps everything that comes. */
export class Client {
  readonly #socket: Socket
  readonly #port: number
  readonly arrived: Buffer[] = []

  private constructor(socket: Socket, port: number) {
    this.#socket = socket
    this.#port = port
    socket.on('message', datagram => this.arrived.push(datagram))
  }

  static async open(t: Test, port: number, address = '127.0.0.1'): Promise<Client> {
    const socket = createSocket('udp4')
    socket.bind(0, address)
    await once(socket, 'listening')
    t.teardown(() => socket.close())
    return new Client(socket, port)
  }

  send(datagram: Buffer): void {
    this.#socket.send(datagram, this.#port, '127.0.0.1')
  }

  /** Sends, and waits for the next datagram that comes. */
  async ask(datagram: Buffer): Promise<Buffer> {
    this.send(datagram)
    return this.next()
  }

  async next(): Promise<Buffer> {
    const [reply] = (await once(this.#socket, 'message')) as [Buffer]
    return reply
  }

  /**
   * Whether a datagram gets no reply: a Status-Server that is sent behind it is answered first. Datagrams on loopback
   * keep their order.
   */
  async isSilentOn(datagram: Buffer, probe = statusServer()): Promise<boolean> {
    const before = this.arrived.length
    this.send(datagram)
    await this.ask(probe)
    return this.arrived.length === before + 1 && this.arrived[before]?.[1] === probe[1]
  }
}

let identifier = 0

export function nextIdentifier(): number {
  return (identifier = (identifier + 1) & 0xff)
}

export function statusServer(): Buffer {
  return encodeRequest(Code.StatusServer, nextIdentifier(), Buffer.alloc(0), secret).datagram
}

export interface Asking {
  readonly userName?: string
  readonly password?: string | Buffer
  readonly more?: (writer: AttributeWriter) => unknown
  readonly signed?: boolean
  readonly identifier?: number
  readonly with?: Secret
}

/** An Access-Request by PAP. */
export function papRequest(asking: Asking = {}): { datagram: Buffer; authenticator: Buffer } {
  const { userName = 'alice', password = 'wonderland', more, signed = false, with: shared = secret } = asking
  const authenticator = newAuthenticator()
  const writer = new AttributeWriter().add(Attr.UserName, userName)
  writer.add(Attr.UserPassword, encodeUserPassword(password, authenticator, shared))
  more?.(writer)
  return encodeRequest(Code.AccessRequest, asking.identifier ?? nextIdentifier(), writer.finish(), shared, {
    authenticator,
    messageAuthenticator: signed
  })
}

/** An Accounting-Request with these attributes. */
export function accountingRequest(
  write: (writer: AttributeWriter) => unknown,
  shared = secret
): { datagram: Buffer; authenticator: Buffer } {
  const writer = new AttributeWriter()
  write(writer)
  return encodeRequest(Code.AccountingRequest, nextIdentifier(), writer.finish(), shared)
}

/** Reads a reply, after its signature was checked. */
export function read(reply: Buffer, authenticator: Buffer, shared = secret): Packet {
  const packet = Packet.decode(reply)
  if (typeof packet === 'string') throw new Error(packet)
  const fault = verifyResponse(packet, authenticator, shared)
  if (fault !== undefined) throw new Error(fault)
  return packet
}

/** The attributes of a packet, as people write them. */
export function pairs(packet: Packet): Record<string, unknown> {
  const hidden = new Set(['Message-Authenticator', 'Class'])
  return Object.fromEntries(
    dictionary
      .decode(packet)
      .filter(({ name }) => !hidden.has(name))
      .map(({ name, value }) => [name, value])
  )
}
