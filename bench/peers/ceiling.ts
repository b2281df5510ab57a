/*
 * The ceiling that the benchmarks compare with: a bare UDP responder in a process of its own, which verifies the
 * request's authenticator, signs a reply and does nothing else.
 */
import { fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Code, encodeResponse, Packet, Secret, verifyRequest } from '../../protocols/radius/index.js'

const NOTHING = Buffer.alloc(0)

/** A responder that runs until it is stopped. */
export interface Ceiling {
  readonly port: number
  stop(): void
}

/** Starts the responder. */
export async function startCeiling(secret: string): Promise<Ceiling> {
  const child = fork(fileURLToPath(import.meta.url), [secret])
  const [port] = (await once(child, 'message')) as [number]
  return { port, stop: () => void child.kill() }
}

const [, self, secretText] = process.argv
if (self === fileURLToPath(import.meta.url) && secretText !== undefined && process.send !== undefined) {
  const secret = new Secret(secretText)
  const lookup = (name: string, _options: object, done: (error: null, address: string, family: number) => void) =>
    done(null, name, 4)
  const socket = createSocket({ type: 'udp4', recvBufferSize: 8 << 20, lookup })
  socket.on('message', (datagram, { port, address }) => {
    const packet = Packet.decode(datagram)
    if (typeof packet === 'string' || verifyRequest(packet, secret) !== undefined) return
    const code = packet.code === Code.AccountingRequest ? Code.AccountingResponse : Code.AccessAccept
    socket.send(encodeResponse(packet, code, NOTHING, secret), port, address)
  })
  socket.bind(0, '127.0.0.1', () => process.send?.(socket.address().port))
}
