import { createSocket, type Socket } from 'node:dgram'
import type { DriverError } from '../../agent/model/index.js'
import type { Place } from './address.js'
import { notSnmp, pathError } from './failures.js'

/** What the library expects of a socket. */
interface LibrarySocket {
  on(event: 'message' | 'close' | 'error', listener: (...of: never[]) => void): unknown
  send(
    buffer: Buffer,
    offset: number,
    length: number,
    port: number,
    address: string,
    done: (error: Error | null) => void
  ): void
  ref(): void
  unref(): void
  bind(): void
  close(): void
}

/**
 * A UDP socket connected to one device: datagrams of others never reach the library, a port where nothing listens is
 * told at once, and what the library cannot read becomes an error instead of an exception in the event loop.
 */
export class Channel {
  readonly #socket: Socket
  readonly #fail: (error: DriverError) => void
  #open = true
  /** Whether anything came from the device at all. */
  heard = false

  private constructor(socket: Socket, fail: (error: DriverError) => void) {
    this.#socket = socket
    this.#fail = fail
    socket.on('error', error => this.#fail(pathError(error)))
  }

  /** @param fail  hears what goes wrong outside of a request */
  static connect(place: Place, port: number, fail: (error: DriverError) => void): Promise<Channel> {
    const { address, family } = place
    const six = family === 'udp6'
    // Addresses are literal here, and need no trip through the resolver.
    const socket = createSocket({ type: family, lookup: (literal, _, done) => done(null, literal, six ? 6 : 4) })
    const channel = new Channel(socket, fail)
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        channel.close()
        reject(pathError(error))
      }
      socket.once('error', failed)
      socket.connect(port, address, () => {
        socket.off('error', failed)
        resolve(channel)
      })
    })
  }

  /** The socket as the library may have it: it never sees an address. */
  librarySocket(): LibrarySocket {
    const socket = this.#socket
    return {
      on: (event, listener) => {
        if (event === 'message') socket.on('message', this.#guarded(listener as (datagram: Buffer) => void))
        else if (event === 'close') socket.on('close', listener)
        return undefined
      },
      send: (buffer, offset, length, _port, _address, done) => {
        if (this.#open) socket.send(buffer, offset, length, error => done(error ?? null))
        else done(notSnmp())
      },
      ref: () => socket.ref(),
      unref: () => socket.unref(),
      bind: () => undefined,
      close: () => this.close()
    }
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#socket.close()
  }

  #guarded(listener: (datagram: Buffer) => void): (datagram: Buffer) => void {
    return datagram => {
      this.heard = true
      try {
        listener(datagram)
      } catch {
        this.#fail(notSnmp())
      }
    }
  }
}
