/*
 * The ceiling that the benchmarks compare with: a bare UDP responder in a process of its own, which verifies the
 * request, compares the password where there is one, signs a reply, and does nothing else.
 */
import { fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import {
  Attr,
  authenticatorOf,
  Code,
  decodeUserPassword,
  encodeResponse,
  Packet,
  Secret,
  verifyChap,
  verifyRequest
} from '../../protocols/radius/index.js'
import type { Peer } from './agent.js'

const NOTHING = Buffer.alloc(0)
const HEADER = 20

/** Starts the responder: both kinds of request on one port. */
export async function startCeiling(secret: string): Promise<Peer> {
  const child = fork(fileURLToPath(import.meta.url), [secret])
  const ended = once(child, 'exit')
  const [port] = (await once(child, 'message')) as [number]
  const stop = async (): Promise<void> => {
    child.kill()
    await ended
  }
  return { name: 'bare', authentication: port, accounting: port, pids: [child.pid ?? 0], stop }
}

function answer(packet: Packet, secret: Secret): Buffer {
  if (packet.code !== Code.AccountingRequest) {
    const code = isRight(packet, secret) ? Code.AccessAccept : Code.AccessReject
    return encodeResponse(packet, code, NOTHING, secret)
  }
  const reply = Buffer.from([Code.AccountingResponse, packet.identifier, 0, HEADER, ...NOTHING16])
  authenticatorOf(reply, packet.authenticator, secret).copy(reply, 4)
  return reply
}

const NOTHING16 = new Uint8Array(16)

function isRight(packet: Packet, secret: Secret): boolean {
  const password = `pw${packet.text(Attr.UserName)!.slice(4)}`
  const hidden = packet.octets(Attr.UserPassword)
  if (hidden !== undefined) return decodeUserPassword(hidden, packet.authenticator, secret)?.toString() === password
  return !packet.has(Attr.ChapPassword) || verifyChap(packet, password)
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
    socket.send(answer(packet, secret), port, address)
  })
  socket.bind(0, '127.0.0.1', () => process.send?.(socket.address().port))
}
