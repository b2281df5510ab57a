import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'

/** An address to listen on. Port 0 takes any that is free. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** How a socket is opened. */
export interface SocketOptions {
  readonly address: Address
  /** Octets of receive buffer to ask for; the kernel gives at most net.core.rmem_max. */
  readonly receiveBuffer: number
  /** Whether an IPv4 socket of its own serves the same port. */
  readonly ipv6Only: boolean
}

/** Where a socket listens: with the port and the octets of receive buffer that it was given. */
export interface Bound extends Address {
  readonly receiveBuffer: number
}

/** What comes of a socket. */
export interface SocketEvents {
  readonly message: (datagram: Buffer, address: string, port: number) => void
  /** A reply could not be sent, told later. */
  readonly failed: (error: Error) => void
}

type Lookup = (host: string, options: unknown, done: (error: null, address: string, family: number) => void) => void

/** Opens and binds a UDP socket. Rejects with the error of the system. */
export function openSocket(options: SocketOptions, { message, failed }: SocketEvents): Promise<Socket> {
  const { address, receiveBuffer, ipv6Only } = options
  const socket = createSocket({
    type: isIPv6(address.host) ? 'udp6' : 'udp4',
    recvBufferSize: receiveBuffer,
    sendBufferSize: Math.min(receiveBuffer, 1 << 20),
    ipv6Only,
    lookup: literal(isIPv6(address.host) ? 6 : 4)
  })
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => {
      socket.close()
      reject(error)
    }
    socket.once('error', refuse)
    socket.bind({ address: address.host, port: address.port }, () => {
      socket.off('error', refuse)
      socket.on('error', failed)
      socket.on('message', (datagram, { address: from, port }) => message(datagram, from, port))
      resolve(socket)
    })
  })
}

/** Where a socket listens. Linux counts its own bookkeeping in the buffer: it doubles what it is asked for. */
export function boundOf(socket: Socket): Bound {
  const { address, port } = socket.address()
  const receiveBuffer = socket.getRecvBufferSize() / (process.platform === 'linux' ? 2 : 1)
  return { host: address, port, receiveBuffer }
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
