/*
 * Blind packets at an agent that runs as its own process: 20,000, or as many as TURNPIKE_FUZZ says. It must answer all
 * the while, and end with the memory that it had after the first third.
 */
import { spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { Code, encodeRequest, Packet, Secret, verifyResponse } from '../../protocols/radius/index.js'
import { Dice, nextPacket } from './packets.js'

const PACKETS = Number(process.env['TURNPIKE_FUZZ'] ?? 20_000)
const SECRET = 'the secret of the fuzzer, 1234'
const BURST = 64
const MEBI = 1024
const ERROR = 50
const PATIENCE = 3_600_000
const secret = new Secret(SECRET)
const command = join(import.meta.dirname, '../../cli/turnpike.js')

interface Fuzzed {
  readonly authentication: number
  readonly accounting: number
  readonly pid: number
  /** Lines of its log that tell of errors. */
  readonly errors: string[]
  readonly stop: () => Promise<number | null>
}

async function startAgent(directory: string): Promise<Fuzzed> {
  const file = join(directory, 'turnpike.yaml')
  writeFileSync(join(directory, 'secret'), SECRET, { mode: 0o600 })
  writeFileSync(
    file,
    `data: ${directory}/data
radius: { authentication: ["127.0.0.1:0"], accounting: ["127.0.0.1:0"], rejectDelay: 0s }
nas: [{ id: fuzz, addresses: [127.0.0.1], secret: "file:${directory}/secret", messageAuthenticator: exempt }]
api: { socket: ${directory}/api.sock }
`
  )
  const env = { ...process.env, NODE_OPTIONS: '' }
  const child = spawn(process.execPath, [command, 'run', '-c', file], { stdio: ['ignore', 'pipe', 'pipe'], env })
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const errors: string[] = []
  child.stderr.on('data', piece => errors.push(String(piece)))
  const lines = createInterface({ input: child.stdout })
  const line = await new Promise<string>((resolve, reject) => {
    void ended.then(code => reject(new Error(`the agent ended with ${code}: ${errors.join('')}`)))
    lines.on('line', each => {
      const said = JSON.parse(each) as { level: number; msg: string }
      if (said.level >= ERROR) errors.push(each)
      if (said.msg === 'the agent answers') resolve(each)
    })
  })
  const { authentication, accounting } = JSON.parse(line) as Record<'authentication' | 'accounting', { port: number }[]>
  const stop = (): Promise<number | null> => {
    child.kill('SIGTERM')
    return ended
  }
  return { authentication: authentication[0]!.port, accounting: accounting[0]!.port, pid: child.pid ?? 0, errors, stop }
}

/** Whether a Status-Server is answered; sent again each half second, 60 times at most. */
async function answers(socket: Socket, port: number): Promise<boolean> {
  const { datagram, authenticator } = encodeRequest(Code.StatusServer, 7, Buffer.alloc(0), secret)
  return new Promise(resolve => {
    let left = 60
    const ask = (): void => {
      if (left-- === 0) finish(false)
      else socket.send(datagram, port, '127.0.0.1')
    }
    const hear = (reply: Buffer): void => {
      const packet = Packet.decode(reply)
      if (typeof packet !== 'string' && verifyResponse(packet, authenticator, secret) === undefined) finish(true)
    }
    const finish = (answered: boolean): void => {
      clearInterval(timer)
      socket.off('message', hear)
      resolve(answered)
    }
    const timer = setInterval(ask, 500)
    socket.on('message', hear)
    ask()
  })
}

/** Resident memory, MiB. */
function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / MEBI
}

const linux = process.platform === 'linux' ? {} : { skip: 'needs Linux, for the memory of a process' }

t.setTimeout(PATIENCE)

t.test(`an agent answers after ${PACKETS} blind packets`, { ...linux, timeout: PATIENCE }, async t => {
  // Its socket's path must be short.
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-fuzz-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const agent = await startAgent(directory)
  t.teardown(() => agent.stop())
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  const dice = new Dice(20_261_124)
  const memory: number[] = []
  let unanswered = 0
  for (let sent = 0; sent < PACKETS; sent += BURST) {
    for (let n = 0; n < BURST; n++) {
      const { datagram, accounting } = nextPacket(dice, secret)
      socket.send(datagram, accounting ? agent.accounting : agent.authentication, '127.0.0.1')
    }
    // What is answered behind a burst says that the burst was read.
    if (!(await answers(socket, agent.accounting))) unanswered++
    if (sent % (BURST * 50) === 0) memory.push(memoryOf(agent.pid))
  }
  t.equal(unanswered, 0, 'it answered after every burst')
  t.ok(await answers(socket, agent.authentication), 'and at the end')
  const third = Math.floor(memory.length / 3)
  const early = Math.max(...memory.slice(0, third + 1))
  const late = Math.max(...memory.slice(-third - 1))
  t.comment(`memory: ${Math.round(early)} MiB in the first third, ${Math.round(late)} MiB in the last`)
  t.ok(late < early * 1.25 + 64, `memory is flat: ${early} MiB, then ${late} MiB`)
  t.equal(await agent.stop(), 0, 'it stops in order')
  t.same(agent.errors, [], 'nothing failed')
})
