import { spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Attr, Code, encodeResponse, Packet, Secret, verifyRequest } from '../../../protocols/radius/index.js'
import type { PartnerServer } from '../../../server/radius/proxy/index.js'
import { encodeReply } from '../../../server/radius/encode-reply.js'

interface Test {
  teardown(undo: () => unknown): unknown
}

export const SHARED = 'shared with the partner'
export const shared = new Secret(SHARED)
const empty = Buffer.alloc(0)

/** A reply: Code, and attributes without Proxy-State. Undefined: none. */
export type Reply = readonly [code: number, attributes?: Buffer] | undefined

/** A partner's server that answers as it is told, and keeps what it was asked. */
export class Responder {
  readonly port: number
  /** Verified requests, Status-Server apart. */
  readonly asked: Packet[] = []
  readonly checks: Packet[] = []
  /** Answers to Status-Server. */
  alive = true
  answer: (packet: Packet) => Reply | Promise<Reply> = packet =>
    packet.code === Code.AccessRequest ? [Code.AccessAccept] : [Code.AccountingResponse]
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    this.port = socket.address().port
    socket.on('message', (datagram, { port }) => void this.#receive(datagram, port))
  }

  static async open(t: Test, at = 0): Promise<Responder> {
    const socket = createSocket('udp4')
    socket.bind(at, '127.0.0.1')
    await once(socket, 'listening')
    t.teardown(() => new Promise<void>(resolve => socket.close(() => resolve())))
    return new Responder(socket)
  }

  get server(): PartnerServer {
    return { address: '127.0.0.1', authPort: this.port, acctPort: this.port, secret: shared }
  }

  /** Settles when so many requests have been asked. */
  async heard(requests: number): Promise<void> {
    while (this.asked.length < requests) await once(this.#socket, 'message').then(() => undefined)
  }

  reply(to: Packet, port: number, [code, attributes = empty]: NonNullable<Reply>, secret = shared): void {
    const signed = to.code === Code.AccessRequest || to.code === Code.StatusServer
    const make = signed ? encodeResponse : encodeReply
    this.#socket.send(make(to, code, attributes, secret), port, '127.0.0.1')
  }

  /** Sends octets as they are. */
  raw(octets: Buffer, port: number): void {
    this.#socket.send(octets, port, '127.0.0.1')
  }

  async #receive(datagram: Buffer, port: number): Promise<void> {
    const packet = Packet.decode(datagram)
    if (typeof packet === 'string') throw new Error(packet)
    const fault = verifyRequest(packet, shared)
    if (fault !== undefined) throw new Error(fault)
    if (packet.code === Code.StatusServer) {
      this.checks.push(packet)
      if (this.alive) this.reply(packet, port, [Code.AccessAccept])
      return
    }
    this.asked.push(packet)
    const reply = await this.answer(packet)
    if (reply !== undefined) this.reply(packet, port, reply)
  }
}

/** Values of Proxy-State. */
export function states(packet: Packet): string[] {
  return packet.all(Attr.ProxyState).map(state => state.toString())
}

const PROGRAM = '/usr/sbin/freeradius'

export const withoutFreeradius: { skip?: string } =
  existsSync(PROGRAM) || process.env['CI'] === 'true' ? {} : { skip: 'needs freeradius (apt-get install freeradius)' }

/** Debian's FreeRADIUS. */
export interface Freeradius {
  readonly port: number
  readonly acctPort: number
  log(): string
}

const modules = `
modules {
  pap { }
  chap { }
  mschap { use_mppe = yes
    require_encryption = no }
  eap { default_eap_type = md5
    md5 { } }
  always ok { rcode = ok }
}`

const policy = `
server default {
  authorize {
    update control { Cleartext-Password := "wonderland" }
    chap
    mschap
    eap
    pap
  }
  authenticate {
    Auth-Type PAP { pap }
    Auth-Type CHAP { chap }
    Auth-Type MS-CHAP { mschap }
    eap
  }
  preacct { ok }
  accounting { ok }
  post-auth {
    update reply {
      Reply-Message := "%{User-Name}"
      Framed-Route := "0.0.0.0/0"
      Cisco-AVPair := "x=y"
      Mikrotik-Rate-Limit := "1M/2M"
    }
  }
  LISTEN
}`

/** Everything of every realm goes to this server. */
const forwarding = (port: number, acctPort: number) => `
home_server turnpike { type = auth+acct
  ipaddr = 127.0.0.1
  port = ${port}
  secret = "${SHARED}" }
home_server turnpike_acct { type = acct
  ipaddr = 127.0.0.1
  port = ${acctPort}
  secret = "${SHARED}" }
home_server_pool turnpike { home_server = turnpike }
home_server_pool turnpike_acct { home_server = turnpike_acct }
realm ours { auth_pool = turnpike
  acct_pool = turnpike_acct
  nostrip }
server default {
  authorize { update control { Proxy-To-Realm := "ours" } }
  preacct { update control { Proxy-To-Realm := "ours" } }
  accounting { ok }
  pre-proxy { update proxy-request { Message-Authenticator := 0x00 } }
  LISTEN
}`

const listen = (type: string, at: number) => `listen { type = ${type}
    ipaddr = 127.0.0.1
    port = ${at} }\n`

const withoutModules = (proxyPort: number) => `${listen('proxy', proxyPort)}
modules {
  always ok { rcode = ok }
}`

/** Starts FreeRADIUS: as a partner that knows everybody by the password `wonderland`, or in front of us as a proxy. */
export async function startFreeradius(t: Test, to?: { port: number; acctPort: number }): Promise<Freeradius> {
  if (to === undefined) return run(t, modules + policy, false)
  return run(t, withoutModules(await freePort()) + forwarding(to.port, to.acctPort), true)
}

/** PEM files of a RadSec client. */
export interface ClientFiles {
  readonly certificate: string
  readonly key: string
  readonly ca: string
}

/** Starts FreeRADIUS as a RadSec client of ours: what it is asked by UDP comes to us over TLS. */
export async function startRadSecClient(t: Test, port: number, files: ClientFiles): Promise<Freeradius> {
  const server = `
home_server turnpike { type = auth+acct
  ipaddr = 127.0.0.1
  port = ${port}
  proto = tcp
  secret = radsec
  status_check = none
  tls { private_key_file = ${files.key}
    certificate_file = ${files.certificate}
    ca_file = ${files.ca}
    fragment_size = 8192 }
}
home_server_pool turnpike { home_server = turnpike }
realm ours { auth_pool = turnpike
  acct_pool = turnpike
  nostrip }
server default {
  authorize { update control { Proxy-To-Realm := "ours" } }
  preacct { update control { Proxy-To-Realm := "ours" } }
  accounting { ok }
  LISTEN
}`
  return run(t, withoutModules(await freePort()) + server, true)
}

async function run(t: Test, servers: string, proxies: boolean): Promise<Freeradius> {
  const folder = mkdtempSync(join(tmpdir(), 'freeradius-'))
  const [port, acctPort] = [await freePort(), await freePort()]
  const listeners = listen('auth', port) + listen('acct', acctPort)
  const head = `prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = ${folder}
logdir = ${folder}
run_dir = ${folder}
pidfile = ${folder}/freeradius.pid
proxy_requests = ${proxies ? 'yes' : 'no'}
security { allow_core_dumps = no
  status_server = yes }
client turnpike { ipaddr = 127.0.0.1
  secret = "${SHARED}" }
`
  writeFileSync(join(folder, 'dictionary'), '$INCLUDE /usr/share/freeradius/dictionary\n')
  writeFileSync(join(folder, 'radiusd.conf'), onLines(head + servers.replace('LISTEN', listeners)))
  const child = spawn(PROGRAM, ['-X', '-d', folder], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  t.teardown(async () => {
    if (child.exitCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    rmSync(folder, { recursive: true })
  })
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString()
      if (said.includes('Ready to process requests')) resolve()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`freeradius ended with status ${code}: ${said.slice(-3000)}`)))
  })
  return { port, acctPort, log: () => said }
}

// Its parser wants every brace at the end of a line or on its own.
function onLines(text: string): string {
  return text.replaceAll('{ ', '{\n').replaceAll(' }', '\n}')
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>(resolve => socket.close(() => resolve()))
  return port
}
