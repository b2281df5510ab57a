import { lookup } from 'node:dns'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { DriverError } from '../../agent/model/index.js'
import { givenUp, pathError } from './failures.js'
import { bareFingerprint, refuseLocal } from '../target.js'
import type { Target } from './target.js'

/** A router without a certificate offers these only, and they end with TLS 1.2. */
const anonymous = { ciphers: 'aNULL:@SECLEVEL=0', maxVersion: 'TLSv1.2' } as const
const KEEP_ALIVE = 30_000

/**
 * Opens the connection to a router, and checks who it is.
 * @throws DriverError `UNREACHABLE`; `TIMEOUT` when the signal aborts; `AUTH` when the certificate is not the expected
 *   one; `PROTOCOL` when no TLS is spoken there; `UNSUPPORTED` for an address that is never driven
 */
export async function openSocket(target: Target, signal: AbortSignal): Promise<Socket> {
  const host = await resolved(target)
  if (signal.aborted) throw givenUp('The connection')
  const plain = target.transport === 'plain'
  const socket = plain ? connectTcp({ host, port: target.port }) : connectTls(tlsOptions(target, host))
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE)
  await ready(socket, plain ? 'connect' : 'secureConnect', signal)
  if (!plain) checkPeer(socket as TLSSocket, target)
  return socket
}

/** By a literal address, so that what was checked is what is connected to. */
function resolved(target: Target): Promise<string> {
  return new Promise((resolve, reject) => {
    const take = (error: NodeJS.ErrnoException | null, address: string): void => {
      if (error !== null) return reject(pathError(error))
      try {
        refuseLocal(address, target.allowLocal)
        resolve(address)
      } catch (refused) {
        reject(refused)
      }
    }
    if (isIP(target.host) === 0) lookup(target.host, take)
    else take(null, target.host)
  })
}

function tlsOptions(target: Target, host: string): ConnectionOptions {
  const { port, transport, ca, serverName = target.host } = target
  return {
    host,
    port,
    // Whether it is trusted is decided in checkPeer, which can say why not.
    rejectUnauthorized: false,
    checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
    ...(isIP(serverName) === 0 && { servername: serverName }),
    ...(ca !== undefined && { ca }),
    ...(transport === 'anonymous' && anonymous)
  }
}

function ready(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (act: () => void): void => {
      socket.off('error', failed).off('close', closed).off(event, opened)
      signal.removeEventListener('abort', aborted)
      act()
    }
    const fail = (error: DriverError): void =>
      end(() => {
        socket.on('error', () => undefined)
        socket.destroy()
        reject(error)
      })
    const failed = (error: Error): void => fail(pathError(error))
    const closed = (): void => fail(pathError(new Error('closed')))
    const aborted = (): void => fail(late(socket, event))
    const opened = (): void => end(resolve)
    socket.on('error', failed).on('close', closed).on(event, opened)
    signal.addEventListener('abort', aborted, { once: true })
  })
}

/** Whoever listens and leaves TLS unanswered waits for another protocol. */
function late(socket: Socket, event: 'connect' | 'secureConnect'): DriverError {
  if (event === 'connect' || socket.connecting) return givenUp('The connection')
  return new DriverError(
    'TIMEOUT',
    'The router took the connection and did not answer TLS. Is the port 8729 (api-ssl)?'
  )
}

function checkPeer(socket: TLSSocket, target: Target): void {
  if (target.transport === 'anonymous') return
  const fingerprint256 = fingerprintOf(socket)
  const good =
    target.fingerprint === undefined ? socket.authorized : bareFingerprint(fingerprint256) === target.fingerprint
  if (good) return
  socket.on('error', () => undefined)
  socket.destroy()
  const why =
    target.fingerprint === undefined
      ? `is not trusted (${String(socket.authorizationError)})`
      : 'is not the one that is pinned'
  throw new DriverError(
    'AUTH',
    `The certificate of the router ${why}. Its SHA-256 is ${fingerprint256}: if /certificate print on the router shows the same, put it into the option fingerprint, or set ca and serverName.`
  )
}

// The types promise a fingerprint, but a peer without a certificate has none.
function fingerprintOf(socket: TLSSocket): string {
  const certificate: { readonly fingerprint256?: string } = socket.getPeerCertificate()
  return certificate.fingerprint256 ?? 'missing'
}
