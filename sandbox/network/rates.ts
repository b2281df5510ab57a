import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Family, ports, site } from './addresses.js'

/** Bits a second. */
type Rate = number

const PATIENCE = 10_000
const WINDOW = 100

/** Downloads for a while, from the first octet on. @returns bit/s */
export async function download(family: Family, forMs: number): Promise<Rate> {
  const socket = open(family, ports.download)
  try {
    await once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE) })
    return await rateOf(socket, forMs)
  } finally {
    socket.destroy()
  }
}

/** Uploads for a while, counted where it arrives. @returns bit/s */
export async function upload(family: Family, forMs: number): Promise<Rate> {
  const socket = open(family, ports.upload)
  const zeros = Buffer.alloc(1 << 14)
  const pump = () => {
    while (!socket.destroyed && socket.write(zeros));
  }
  try {
    socket.on('connect', pump).on('drain', pump)
    for (;;) {
      const [said] = (await once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE) })) as [Buffer]
      const [octets = 0, ms = 0] = (said.toString().trim().split('\n').at(-1) ?? '').split(' ').map(Number)
      if (ms >= forMs) return (octets * 8000) / ms
    }
  } finally {
    socket.destroy()
  }
}

/** How much a download that goes on is to bring: all that the line carries, or hardly anything. */
export type Flow = 'download' | 'trickle'

/** One download that goes on until it is cut. */
export class Held {
  readonly #socket: Socket
  /** When it ended, ms since 1970. */
  readonly #ended: Promise<number>

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#ended = new Promise(resolve => socket.on('close', () => resolve(Date.now())))
  }

  /** Opens it and waits until octets flow. */
  static async open(family: Family, flow: Flow): Promise<Held> {
    const socket = open(family, ports[flow])
    const held = new Held(socket)
    socket.on('error', () => undefined)
    await once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE) })
    socket.resume()
    return held
  }

  /** Waits until the network ends it. @returns when, ms since 1970 */
  ends(): Promise<number> {
    return this.#ended
  }

  /**
   * Waits until it is faster than a rate, over two tenths of a second in a row: one alone may hold what had only waited.
   * @returns the end of the first, ms since 1970
   */
  async exceeds(rate: Rate): Promise<number> {
    for (let since: number | undefined; !this.#socket.destroyed; ) {
      const isFaster = (await rateOf(this.#socket, WINDOW)) > rate
      if (isFaster && since !== undefined) return since
      since = isFaster ? Date.now() : undefined
    }
    throw new Error('the download ended')
  }

  close(): void {
    this.#socket.destroy()
  }
}

function open(family: Family, port: number): Socket {
  return connect({ host: site[family], port })
}

/** What arrives within a while. */
async function rateOf(socket: Socket, forMs: number): Promise<Rate> {
  const begun = performance.now()
  let octets = 0
  const count = ({ length }: Buffer) => void (octets += length)
  socket.on('data', count)
  await new Promise(resolve => setTimeout(resolve, forMs))
  socket.off('data', count)
  return (octets * 8000) / (performance.now() - begun)
}
