import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { Nas } from '../../../agent/model/index.js'
import { Packet, Secret, verifyResponse } from '../../../protocols/radius/index.js'
import { RadSec, type RadSecLimits } from '../../../server/radius/tls/index.js'
import { authorityFiles, type Certificate, issue, issueExpired, read } from './radsec-certificates.js'
import { type Rig, rig, type RigOptions } from './rig.js'

export const shared = new Secret('radsec')

/** All certificates of these tests. */
export interface Certificates {
  readonly folder: string
  readonly ca: Certificate
  readonly intermediate: Certificate
  readonly server: Certificate
  readonly nas: Certificate
  readonly byAlternatives: Certificate
  readonly stranger: Certificate
  readonly otherCa: Certificate
  readonly forged: Certificate
  readonly expired: Certificate
}

/** Those that a world and its peers show. */
export type Shown = Pick<Certificates, 'ca' | 'server' | 'nas'>

interface Test {
  teardown(undo: () => unknown): unknown
}

export function certificates(t: Test): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'radsec-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(authorityFiles(folder))) writeFileSync(join(folder, name), text)
  const ca = issue(folder, 'ca', { authority: true })
  const otherCa = issue(folder, 'otherca', { authority: true })
  const alternatives = 'DNS:nas.example.net,IP:192.0.2.77,IP:2001:db8::77,URI:urn:nas:77'
  return {
    folder,
    ca,
    otherCa,
    intermediate: issue(folder, 'intermediate', { ca, authority: true }),
    server: issue(folder, 'server', { ca, alternatives: 'DNS:localhost,IP:127.0.0.1' }),
    nas: issue(folder, 'bras-1.example.net', { ca }),
    byAlternatives: issue(folder, 'something', { ca, alternatives }),
    stranger: issue(folder, 'stranger', { ca }),
    forged: issue(folder, 'forged', { ca: otherCa }),
    expired: issueExpired(folder, 'expired.example.net', ca)
  }
}

/** NASes as a table keeps them; `list` may be replaced. */
export class Nases {
  list: readonly Nas[]

  constructor(list: readonly Nas[]) {
    this.list = list
  }

  find(address: string): Nas | undefined {
    return this.list.find(({ addresses }) => addresses.includes(address))
  }

  byId(id: string): Nas | undefined {
    return this.list.find(nas => nas.id === id)
  }

  all(): readonly Nas[] {
    return this.list
  }
}

export const byName: Nas = {
  id: 'bras-1',
  addresses: ['192.0.2.1'],
  vendor: 'mikrotik',
  secretRef: 'file:none',
  certificateNames: ['BRAS-1.example.net', 'expired.example.net', 'forged']
}

export interface World extends Rig {
  readonly radsec: RadSec
  readonly port: number
  readonly nases: Nases
}

export interface WorldOptions extends Omit<RigOptions, 'nases'> {
  readonly list?: readonly Nas[]
  readonly limits?: Partial<RadSecLimits>
  readonly byAddress?: boolean
  readonly revocable?: boolean
  /** Certificate of the agent. */
  readonly own?: Certificate
}

/** RadSec on loopback in front of a RADIUS server. */
export async function world(t: Test, made: Shown, options: WorldOptions = {}): Promise<World> {
  const { list = [byName], limits = {}, byAddress = false, revocable = false, own = made.server, ...rest } = options
  const nases = new Nases(list)
  const base = await rig(t, { ...rest, find: address => nases.find(address) })
  const files = { certificate: own.certificate, ca: made.ca.certificate, key: () => readFileSync(own.key, 'utf8') }
  const log = loggerInto(base.lines)
  const receiver = base.server
  const radsec = new RadSec({ files, nases, receiver, clock: Date.now, log, limits, byAddress, revocable })
  t.teardown(() => radsec.close())
  const [bound] = await radsec.listen([{ host: '127.0.0.1', port: 0 }])
  return Object.assign(base, { radsec, port: bound!.port, nases })
}

function loggerInto(into: Record<string, unknown>[]) {
  const write =
    (level: string) =>
    (facts: object | string, msg?: string): void => {
      into.push(typeof facts === 'string' ? { level, msg: facts } : { level, ...facts, msg })
    }
  return { info: write('info'), warn: write('warn'), error: write('error') } as never
}

/** A NAS's end of a connection. */
export class Peer {
  readonly socket: TLSSocket
  #rest: Buffer = Buffer.alloc(0)

  constructor(socket: TLSSocket) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk])
      socket.emit('more')
    })
  }

  static async open(
    t: Test,
    made: Shown,
    port: number,
    certificate: Certificate | undefined = made.nas,
    options: ConnectionOptions = {}
  ): Promise<Peer> {
    const own = certificate === undefined ? {} : read(certificate)
    const peer = new Peer(
      connect({ port, host: '127.0.0.1', ca: readFileSync(made.ca.certificate), ...own, ...options })
    )
    t.teardown(() => peer.socket.destroy())
    await once(peer.socket, 'secureConnect')
    return peer
  }

  send(...octets: Buffer[]): void {
    this.socket.write(Buffer.concat(octets))
  }

  async ask(octets: Buffer): Promise<Buffer> {
    this.send(octets)
    return this.next()
  }

  async next(): Promise<Buffer> {
    for (;;) {
      const rest = this.#rest
      if (rest.length >= 4 && rest.length >= rest.readUInt16BE(2)) {
        this.#rest = rest.subarray(rest.readUInt16BE(2))
        return rest.subarray(0, rest.readUInt16BE(2))
      }
      await once(this.socket, 'more')
    }
  }

  /** Settles when the other side has closed the connection. */
  async closed(): Promise<void> {
    if (!this.socket.destroyed) await new Promise(resolve => this.socket.once('close', resolve))
  }
}

export function verified(reply: Buffer, authenticator: Buffer): Packet {
  const packet = Packet.decode(reply)
  if (typeof packet === 'string') throw new Error(packet)
  const fault = verifyResponse(packet, authenticator, shared)
  if (fault !== undefined) throw new Error(fault)
  return packet
}
