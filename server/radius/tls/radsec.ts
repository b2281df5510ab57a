import { constants, type X509Certificate } from 'node:crypto'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import {
  createServer as createTlsServer,
  type DetailedPeerCertificate,
  type Server as TlsServer,
  type TLSSocket
} from 'node:tls'
import type { Logger } from 'pino'
import type { Clock, Milliseconds, Nas } from '../../../agent/model/index.js'
import type { Packet } from '../../../protocols/radius/index.js'
import { listenError } from '../errors.js'
import { type Address, textOf } from '../sockets/socket.js'
import { Quiet } from '../quiet.js'
import type { Revocations } from '../revocation/index.js'
import type { Source } from '../sources.js'
import { Connection, type Receiver } from './connection.js'
import { type Parting, partings } from './errors.js'
import { type Identity, type IdentityFiles, readIdentity } from './identity.js'
import { defaultRadSecLimits, type RadSecLimits } from './limits.js'
import { namesOf, nasOf, type NasNames } from './names.js'
import { historic, protocols, radsec, Version11 } from './version.js'

/** What RadSec is made of and told. */
export interface RadSecOptions {
  readonly files: IdentityFiles
  readonly nases: NasNames
  readonly receiver: Receiver
  readonly clock: Clock
  readonly log: Logger
  /** Take a certificate whose names no NAS has, when it comes from the address of a NAS that has none. Default false. */
  readonly byAddress?: boolean
  /** Certificates may have been revoked: until `revoke` says which, none is taken. */
  readonly revocable?: boolean
  readonly limits?: Partial<RadSecLimits>
}

/** The way back to a NAS: CoA and Disconnect over the connection that it has opened. */
export interface ReverseChannel {
  /** Rejects when the connection ends, or with the signal's reason. */
  request(code: number, attributes: Buffer, signal: AbortSignal): Promise<Packet>
}

/** What RadSec did since it started. */
export interface RadSecCounts {
  readonly open: number
  readonly accepted: number
  /** Connections that were refused or that we ended, by reason. */
  readonly parted: Readonly<Partial<Record<Parting, number>>>
}

// A session that is resumed shows no certificate; one that is renegotiated may show another.
const NEITHER_RESUMED_NOR_RENEGOTIATED = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION
const expired = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])

/**
 * RADIUS over TLS: TLS 1.2 and 1.3 with certificates on both sides; RADIUS/1.1 where the peer offers it.
 * @see RFC 6614, RFC 6613, RFC 9765
 */
export class RadSec {
  readonly #options: RadSecOptions
  readonly #limits: RadSecLimits
  readonly #quiet: Quiet
  readonly #tls: TlsServer
  readonly #listeners: Server[] = []
  readonly #sockets = new Set<Socket>()
  readonly #perAddress = new Map<string, number>()
  /** By NAS, its connections; the last heard from last. */
  readonly #connections = new Map<string, Set<Connection>>()
  readonly #parted = new Map<Parting, number>()
  #accepted = 0
  #names = 0
  #validUntil: Milliseconds
  #revocations: Revocations | undefined
  /** The certificates by which each connection was let in. */
  readonly #paths = new Map<TLSSocket, readonly X509Certificate[]>()

  /** Reads the certificates; time alone must not keep an agent from starting. @throws RadSecError */
  constructor(options: RadSecOptions) {
    this.#options = options
    this.#limits = { ...defaultRadSecLimits, ...options.limits }
    this.#quiet = new Quiet(options.clock)
    const identity = readIdentity(options.files, undefined)
    this.#tls = createTlsServer({
      ...contextOf(identity),
      requestCert: true,
      rejectUnauthorized: false, // it is rejected below, where the reason can be told
      ALPNProtocols: protocols,
      handshakeTimeout: this.#limits.handshake
    })
    this.#tls.on('tlsClientError', (error, socket) => this.#refused('HANDSHAKE', socket, error.message))
    this.#tls.on('secureConnection', socket => this.#secured(socket))
    this.#validUntil = identity.validTo.getTime()
  }

  /** @returns where it listens, with the ports that were taken. @throws RadiusServerError */
  async listen(addresses: readonly Address[]): Promise<readonly Address[]> {
    try {
      for (const address of addresses) this.#listeners.push(await this.#open(address))
    } catch (error) {
      await this.close()
      throw error
    }
    const bound = this.#listeners.map(addressOf)
    this.#options.log.info({ radsec: bound.map(textOf) }, 'listening for RADIUS over TLS')
    return bound
  }

  /** Reads the certificates again; connections that are open keep theirs. @throws RadSecError: the old ones stay */
  reload(): void {
    const identity = readIdentity(this.#options.files, this.#options.clock)
    this.#tls.setSecureContext(contextOf(identity))
    this.#validUntil = identity.validTo.getTime()
  }

  /** These certificates are revoked from now on, in place of those before; connections that were opened with one are ended. */
  revoke(revocations: Revocations): void {
    this.#revocations = revocations
    for (const [socket, path] of this.#paths) {
      const fault = revocations.faultOf(path)
      if (fault !== undefined) this.#refused('REVOKED', socket, fault)
    }
  }

  /** When a newer list of revoked certificates is due; Infinity where there is none, or it does not say. */
  get revokedUntil(): Milliseconds {
    return this.#revocations?.validUntil ?? Infinity
  }

  /** When the own certificate runs out. */
  get validUntil(): Milliseconds {
    return this.#validUntil
  }

  /** The way back to a NAS over the connection that was heard from last; undefined while it has none. */
  reverse(nas: string): ReverseChannel | undefined {
    return [...(this.#connections.get(nas) ?? [])].at(-1)?.reverse
  }

  counters(): RadSecCounts {
    return { open: this.#sockets.size, accepted: this.#accepted, parted: Object.fromEntries(this.#parted) }
  }

  /** Ends all connections at once; requests of ours that wait are rejected. */
  async close(): Promise<void> {
    const closed = this.#listeners.splice(0).map(server => new Promise(resolve => server.close(resolve)))
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closed)
  }

  #open(address: Address): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = createTcpServer({ noDelay: true }, socket => this.#connected(socket))
      server.on('error', error => {
        reject(listenError(error, textOf(address))) // once it listens, this says that a connection could not be taken
        this.#options.log.warn({ why: error.message }, 'RadSec cannot listen or take a connection')
      })
      server.listen(address, () => resolve(server))
    })
  }

  #connected(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress)
    const there = this.#perAddress.get(address) ?? 0
    if (this.#sockets.size >= this.#limits.connections) return this.#turnAway('TOO_MANY', socket)
    if (there >= this.#limits.perAddress) return this.#turnAway('TOO_MANY_OF_ADDRESS', socket)
    this.#sockets.add(socket)
    this.#perAddress.set(address, there + 1)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      const left = this.#perAddress.get(address)! - 1
      if (left === 0) this.#perAddress.delete(address)
      else this.#perAddress.set(address, left)
    })
    this.#tls.emit('connection', socket)
  }

  #turnAway(why: Parting, socket: Socket): void {
    socket.on('error', () => undefined)
    this.#part(why, plainAddress(socket.remoteAddress))
    socket.destroy()
  }

  #refused(why: Parting, socket: TLSSocket, detail?: string): void {
    this.#part(why, plainAddress(socket.remoteAddress), detail)
    socket.on('error', () => undefined)
    socket.destroy()
  }

  #secured(socket: TLSSocket): void {
    const certificate = socket.getPeerCertificate(true)
    if (Object.keys(certificate).length === 0) return this.#refused('NO_CERTIFICATE', socket)
    if (!socket.authorized) {
      const reason = String(socket.authorizationError)
      return this.#refused(expired.has(reason) ? 'EXPIRED' : 'UNTRUSTED', socket, reason)
    }
    if (!this.#stands(socket, certificate)) return
    const names = namesOf(certificate)
    const shown = [...names].join(', ')
    const nas = this.#nasOf(names, plainAddress(socket.remoteAddress))
    if (typeof nas === 'string') return this.#refused(nas, socket, shown)
    this.#welcome(socket, nas, names)
  }

  /** Whether the certificate is not revoked, nor one above it; else the connection is refused. */
  #stands(socket: TLSSocket, certificate: DetailedPeerCertificate): boolean {
    const refused = (why: Parting, detail?: string) => (this.#refused(why, socket, detail), false)
    if (this.#revocations === undefined) return this.#options.revocable !== true || refused('REVOCATION_UNKNOWN')
    const { certificates, isWhole } = this.#revocations.pathOf(certificate, this.#options.clock())
    const fault = this.#revocations.faultOf(certificates)
    if (fault !== undefined) return refused('REVOKED', fault)
    if (!isWhole) return refused('PATH')
    this.#paths.set(socket, certificates)
    socket.once('close', () => this.#paths.delete(socket))
    return true
  }

  #nasOf(names: ReadonlySet<string>, address: string): ReturnType<typeof nasOf> {
    return nasOf(names, address, this.#options.nases, this.#options.byAddress === true)
  }

  #welcome(socket: TLSSocket, nas: Nas, names: ReadonlySet<string>): void {
    const { receiver, log } = this.#options
    const address = plainAddress(socket.remoteAddress)
    const version = socket.alpnProtocol === 'radius/1.1' ? new Version11() : historic
    const connection: Connection = new Connection({
      socket,
      name: `radsec ${++this.#names}`,
      version,
      source: this.#sourceOf(nas, names, address, () => this.#heard(nas.id, connection)),
      receiver,
      limits: this.#limits,
      parted: why => this.#part(why, address, nas.id),
      closed: () => {
        this.#forget(nas.id, connection)
        log.info({ nas: nas.id, address }, 'RadSec connection closed')
      }
    })
    this.#accepted++
    this.#heard(nas.id, connection)
    const tls = socket.getProtocol()
    log.info({ nas: nas.id, address, tls, version: version.name }, 'RadSec connection open')
  }

  // The NAS's document may change while the connection is open: it must still be the one that the certificate names.
  #sourceOf(first: Nas, names: ReadonlySet<string>, address: string, heard: () => void): () => Source | undefined {
    const sourceFor = (nas: Nas): Source => ({ address, nas, secret: radsec, box: nas.id })
    let source: Source | undefined = sourceFor(first)
    return () => {
      heard()
      const now = this.#options.nases.byId(first.id)
      if (now === source?.nas) return source
      const nas = this.#nasOf(names, address)
      source = typeof nas === 'string' || nas.id !== first.id ? undefined : sourceFor(nas)
      return source
    }
  }

  #heard(nas: string, connection: Connection): void {
    const known = this.#connections.get(nas) ?? new Set()
    known.delete(connection)
    known.add(connection)
    this.#connections.set(nas, known)
  }

  #forget(nas: string, connection: Connection): void {
    const known = this.#connections.get(nas)
    known?.delete(connection)
    if (known?.size === 0) this.#connections.delete(nas)
  }

  #part(why: Parting, address: string, detail?: string): void {
    this.#parted.set(why, (this.#parted.get(why) ?? 0) + 1)
    const held = this.#quiet.may(`${why} ${address}`)
    if (held === undefined) return
    this.#options.log.warn(
      { reason: why, address, detail, held },
      `RadSec connection refused or ended: ${partings[why]}`
    )
  }
}

function contextOf({ cert, key, ca }: Identity) {
  return { cert, key, ca, minVersion: 'TLSv1.2', secureOptions: NEITHER_RESUMED_NOR_RENEGOTIATED } as const
}

function addressOf(server: Server): Address {
  const { address, port } = server.address() as { address: string; port: number }
  return { host: address, port }
}

// A socket on :: shows IPv4 addresses as IPv6.
function plainAddress(address = ''): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/i, '')
}
