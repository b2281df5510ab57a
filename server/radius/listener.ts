import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Logger } from 'pino'
import { listenError } from './errors.js'
import type { Exchange } from './exchange.js'
import type { Port } from './replies.js'

/** An address to listen on. Port 0 takes any that is free. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** How a socket is opened. */
export interface ListenerOptions {
  readonly on: Port
  readonly address: Address
  /** Octets of receive buffer to ask for; the kernel gives at most net.core.rmem_max. */
  readonly receiveBuffer: number
  /** Whether an IPv4 socket of its own serves the same port. */
  readonly ipv6Only: boolean
}

type Lookup = (host: string, options: unknown, done: (error: null, address: string, family: number) => void) => void

/** One UDP socket: hands what arrives to the exchange and sends its replies. */
export class Listener {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Opens and binds a socket. @throws RadiusServerError */
  static open(options: ListenerOptions, exchange: Exchange, log: Logger): Promise<Listener> {
    const { on, address, receiveBuffer, ipv6Only } = options
    const socket = createSocket({
      type: isIPv6(address.host) ? 'udp6' : 'udp4',
      recvBufferSize: receiveBuffer,
      sendBufferSize: Math.min(receiveBuffer, 1 << 20),
      ipv6Only,
      lookup: literal(isIPv6(address.host) ? 6 : 4)
    })
    const send = (reply: Buffer, port: number, to: string): void => socket.send(reply, port, to)
    return new Promise((resolve, reject) => {
      const refuse = (error: NodeJS.ErrnoException) => {
        socket.close()
        reject(listenError(error, textOf(address)))
      }
      socket.once('error', refuse)
      socket.bind({ address: address.host, port: address.port }, () => {
        socket.off('error', refuse)
        socket.on('error', error => exchange.sendFailed(error))
        socket.on('message', (datagram, { address: from, port }) => exchange.receive(on, datagram, from, port, send))
        const listener = new Listener(socket)
        listener.#tell(on, receiveBuffer, log)
        resolve(listener)
      })
    })
  }

  /** Where it listens: with the port that was taken. */
  get address(): Address {
    const { address, port } = this.#socket.address()
    return { host: address, port }
  }

  /** Takes nothing more; replies can still be sent. */
  mute(): void {
    this.#socket.removeAllListeners('message')
  }

  close(): Promise<void> {
    return new Promise(resolve => this.#socket.close(() => resolve()))
  }

  // Linux counts its own bookkeeping in: it doubles what it is asked for.
  #tell(on: Port, asked: number, log: Logger): void {
    const got = this.#socket.getRecvBufferSize() / (process.platform === 'linux' ? 2 : 1)
    const facts = { port: on, address: textOf(this.address), receiveBuffer: got, askedFor: asked }
    if (got >= asked) return log.info(facts, 'listening')
    log.warn(
      facts,
      `listening, with a smaller receive buffer than asked for; as root: sysctl net.core.rmem_max=${asked}`
    )
  }
}

/** `192.0.2.1:1812`, `[2001:db8::1]:1812`. */
export function textOf({ host, port }: Address): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

// A reply goes to where its request came from: an address, never a name. The resolver would cost more than the reply.
function literal(family: number): Lookup {
  const any = family === 6 ? '::' : '0.0.0.0'
  return (host, _options, done) => done(null, host === '' ? any : host, family)
}
