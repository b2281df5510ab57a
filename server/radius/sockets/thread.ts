import type { Socket } from 'node:dgram'
import { parentPort, workerData } from 'node:worker_threads'
import { Ring } from './ring.js'
import { boundOf, type Bound, openSocket, type SocketOptions } from './socket.js'

/*
 * The thread of the sockets: from a socket into one ring, from the other ring to a socket. What is in neither ring goes
 * by message: sockets are opened, replies could not be sent, the other side has put something and this one slept.
 */

/** Memory of the two rings. */
export interface Rings {
  readonly requests: SharedArrayBuffer
  readonly replies: SharedArrayBuffer
}

/** To the thread. `undefined` wakes it. */
export type Order = { readonly open: SocketOptions } | 'close' | undefined

/** From the thread. `undefined` wakes the other. An error's code does not travel with it. */
export type Report =
  | { readonly bound: Bound }
  | { readonly refused: Error; readonly code: string | undefined }
  | { readonly failed: Error }
  | undefined

/** Replies that are sent before what has arrived gets its turn. */
const TURN = 64

const rings = workerData as Rings
const requests = new Ring(rings.requests)
const replies = new Ring(rings.replies)
const sockets: Socket[] = []
const tell = (report: Report): void => parentPort!.postMessage(report) // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread, no window

parentPort!.on('message', (order: Order) => {
  if (order === undefined) send()
  else if (order === 'close') close()
  else void open(order.open)
})
send()

async function open(options: SocketOptions): Promise<void> {
  const place = sockets.length
  try {
    const socket = await openSocket(options, {
      message(datagram, address, port) {
        if (requests.put(place, address, port, datagram) && requests.mustWake()) tell(undefined)
      },
      failed: error => tell({ failed: error })
    })
    sockets.push(socket)
    tell({ bound: boundOf(socket) })
  } catch (error) {
    tell({ refused: error as Error, code: (error as NodeJS.ErrnoException).code })
  }
}

function send(): void {
  if (replies.take(TURN, sendOne)) setImmediate(send)
}

function sendOne(place: number, address: string, port: number, reply: Buffer): void {
  try {
    sockets[place]?.send(reply, port, address)
  } catch (error) {
    tell({ failed: error as Error })
  }
}

function close(): void {
  while (replies.take(TURN, sendOne));
  for (const socket of sockets) socket.close()
  parentPort!.close()
}
