import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Faults } from './faults.js'
import { Tables } from './tables.js'
import { type User, Wire } from './wire.js'

/** How the service is secured. `anonymous`: a router that was never given a certificate. */
export type Security = 'anonymous' | { readonly cert: string; readonly key: string }

/** What a router is like. */
export interface SimulatorOptions {
  readonly users?: readonly User[]
  readonly faults?: Faults
  readonly legacyLogin?: boolean
  /** Default true. */
  readonly saysEmpty?: boolean
}

/** Where it listens. */
export interface ListenOptions {
  readonly host?: string
  /** 0, the default, takes any that is free. */
  readonly port?: number
  /** Without it: plain TCP, as on 8728. */
  readonly security?: Security
}

/** How many commands are remembered. */
const REMEMBERED = 10_000

/**
 * A MikroTik router that speaks the RouterOS API over TCP or TLS, with the menus that drive subscribers. Its tables are
 * open to whoever plays the rest of the router.
 */
export class RouterosSimulator {
  readonly tables = new Tables()
  users: readonly User[]
  faults: Faults
  legacyLogin: boolean
  saysEmpty: boolean
  /** Commands since the start, logins left out: the password is in them. */
  readonly commands: (readonly string[])[] = []
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined

  constructor({ users = [], faults = {}, legacyLogin = false, saysEmpty = true }: SimulatorOptions = {}) {
    this.users = users
    this.faults = faults
    this.legacyLogin = legacyLogin
    this.saysEmpty = saysEmpty
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size
  }

  /** @returns the port @throws the system's error when it cannot be bound */
  listen({ host = '127.0.0.1', port = 0, security }: ListenOptions = {}): Promise<number> {
    const server = makeServer(security, socket => this.#serve(socket))
    this.#server = server
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => {
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  /** Ends every connection, as a router that restarts. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    this.hangUp()
    if (server !== undefined) await new Promise(resolve => server.close(resolve))
  }

  /** Notes a command. */
  heard(words: readonly string[]): void {
    if (this.commands.length < REMEMBERED) this.commands.push(words)
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.setNoDelay(true)
    // oxlint-disable-next-line no-new -- it lives on the socket
    new Wire(socket, this)
  }
}

function makeServer(security: Security | undefined, serve: (socket: Socket) => void): Server {
  if (security === undefined) return createServer(serve)
  const options =
    security === 'anonymous'
      ? ({ ciphers: 'aNULL:@SECLEVEL=0', maxVersion: 'TLSv1.2', dhparam: 'auto' } as const)
      : security
  return createTlsServer(options, serve)
}
