/*
 * How many Access-Requests a second the RADIUS server answers by PAP and CHAP, beside a bare responder in the same run
 * that does no more than decrypt, compare and sign. The generator runs in a process of its own and verifies every reply;
 * where it is the slower one, the CPU time a request tells more than the rate.
 *   node --expose-gc dist/bench/auth.js [seconds a measurement]        default 2.5
 */
import { createSocket } from 'node:dgram'
import { cpus } from 'node:os'
import pino from 'pino'
import type { Grant, Nas, Profile, Subscriber } from '../agent/model/index.js'
import { defaultPolicySettings } from '../agent/policy/index.js'
import { Tickets } from '../agent/sessions/index.js'
import { loadDictionary } from '../config/dictionary/index.js'
import {
  Attr,
  Code,
  decodeUserPassword,
  encodeResponse,
  Packet,
  Secret,
  verifyChap
} from '../protocols/radius/index.js'
import { accessHandler, plain, RadiusServer } from '../server/radius/index.js'
import { type Figures, runLoad } from './peers/load.js'

const SECRET = 'testing123'
const USERS = 10_000
const WINDOW = 256
const host = '127.0.0.1'
const seconds = Number(process.argv[2] ?? 2.5)
const secret = new Secret(SECRET)
const log = pino({ level: 'silent' })

/** One measurement: what the generator saw, and what it cost this process. */
interface Measured extends Figures {
  /** Microseconds of CPU, user and system, a request. */
  readonly cpu: number
}

async function measure(mode: 'pap' | 'chap', port: number): Promise<Measured> {
  globalThis.gc?.()
  const before = process.cpuUsage()
  const figures = await runLoad({ mode, host, port, secret: SECRET, seconds, window: WINDOW, users: USERS })
  const { user, system } = process.cpuUsage(before)
  if (figures.refused + figures.wrong > 0) throw new Error(`wrong replies: ${JSON.stringify(figures)}`)
  return { ...figures, cpu: (user + system) / figures.answered }
}

/** The server as an agent runs it, with documents in maps and the last grants kept. */
async function serve(): Promise<{ port: number; close: () => Promise<void> }> {
  const profile: Profile = { id: 'home-100', down: 100_000_000, up: 20_000_000, pool: 'customers', dns: ['192.0.2.53'] }
  const subscribers = new Map<string, Subscriber>()
  for (let n = 0; n < USERS; n++) {
    const username = `user${n}`
    const credentials = { password: `pw${n}` }
    subscribers.set(username, { id: `sub_${n}`, username, status: 'active', profile: profile.id, credentials })
  }
  const grants = new Map<string, Grant>()
  const nas: Nas = { id: 'bench', addresses: [host], vendor: 'mikrotik', secretRef: 'env:NONE' }
  const server = new RadiusServer({
    nases: { find: () => nas },
    secretOf: () => secret,
    access: accessHandler({
      directory: {
        subscriberByUserName: name => subscribers.get(name),
        subscriberByMac: () => undefined,
        profile: () => profile
      },
      sessions: { ofSubscriber: () => [], granted: grant => grants.set(grant.subscriber, grant), refused: () => {} },
      tickets: new Tickets(Buffer.alloc(32, 7)),
      dictionary: loadDictionary(),
      settings: defaultPolicySettings,
      rejections: { note: () => {} },
      clock: Date.now,
      log
    }),
    accounting: () => plain('recorded'),
    clock: Date.now,
    log
  })
  const bound = await server.listen({ authentication: [{ host, port: 0 }], accounting: [] })
  return { port: bound.authentication[0]!.port, close: () => server.close() }
}

/** The least that an answer costs in Node: no lookup, no duplicates, no policy, no attributes. */
async function respondBarely(): Promise<{ port: number; close: () => Promise<void> }> {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: 8 << 20,
    lookup: (address, _, done) => done(null, address, 4)
  })
  const nothing = Buffer.alloc(0)
  socket.on('message', (datagram, { address, port }) => {
    const packet = Packet.decode(datagram)
    if (typeof packet === 'string') return
    const password = `pw${packet.text(Attr.UserName)!.slice(4)}`
    const hidden = packet.octets(Attr.UserPassword)
    const right =
      hidden === undefined
        ? verifyChap(packet, password)
        : decodeUserPassword(hidden, packet.authenticator, secret)?.toString() === password
    socket.send(encodeResponse(packet, right ? Code.AccessAccept : Code.AccessReject, nothing, secret), port, address)
  })
  // With a lookup that answers at once the socket listens before bind returns: an event would be missed.
  await new Promise<void>(resolve => socket.bind(0, host, resolve))
  return { port: socket.address().port, close: () => new Promise(resolve => socket.close(() => resolve())) }
}

const show = (what: string, { perSecond, cpu, p50, p99 }: Measured): void => {
  const rate = `${Math.round(perSecond / 100) / 10} k/s`.padStart(10)
  process.stdout.write(
    `${what.padEnd(14)}${rate}  ${cpu.toFixed(1)} µs CPU  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms\n`
  )
}

process.stdout.write(
  `Access-Requests of ${USERS} users, ${WINDOW} under way, ${seconds} s each; ${cpus()[0]?.model}, Node ${process.version}\n`
)
const server = await serve()
const bare = await respondBarely()
const results: Record<string, number> = {}
for (const mode of ['pap', 'chap'] as const) {
  const ours = await measure(mode, server.port)
  const least = await measure(mode, bare.port)
  show(`${mode} server`, ours)
  show(`${mode} bare`, least)
  results[`${mode}PerSecond`] = ours.perSecond
  results[`${mode}BarePerSecond`] = least.perSecond
  results[`${mode}Ratio`] = round(ours.perSecond / least.perSecond)
  results[`${mode}CpuMicroseconds`] = round(ours.cpu)
  results[`${mode}BareCpuMicroseconds`] = round(least.cpu)
  results[`${mode}CpuRatio`] = round(least.cpu / ours.cpu)
}
await Promise.all([server.close(), bare.close()])
process.stdout.write(`${JSON.stringify({ bench: 'auth', seconds, users: USERS, window: WINDOW, ...results })}\n`)

function round(value: number): number {
  return Math.round(value * 100) / 100
}
