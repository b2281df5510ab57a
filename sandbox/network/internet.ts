import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer as createWeb, type Server as Web } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { bodies, families, type Family, payPage, ports, site } from './addresses.js'
import { answerWith } from './insider.js'

/*
 * What runs behind the gateway: the web site with TLS, a resolver, those who give and take without end, and the
 * pay page.
 */

const REPORT = 100
const DROP = 20

const listening = Promise.all(
  families.flatMap(family => [
    up(web(bodies.site), ports.web, site[family]),
    up(web(bodies.pay), ports.web, payPage[family]),
    up(createServer(echo), ports.tls, site[family]),
    up(createServer(give), ports.download, site[family]),
    up(createServer(take), ports.upload, site[family]),
    up(createServer(trickle), ports.trickle, site[family]),
    resolver(family)
  ])
)

// A connection that was redirected stays with the pay page until it ends.
function web(words: string): Web {
  return createWeb((_request, response) => response.setHeader('connection', 'close').end(words))
}

async function up(server: Server, port: number, host: string): Promise<void> {
  await once(server.listen(port, host), 'listening')
}

/** Answers every query of one question with one address. @see RFC 1035 §4.1 */
async function resolver(family: Family): Promise<void> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6')
  socket.on('message', (query, { port, address }) => {
    if (query.length < 12) return
    const answer = Buffer.concat([query, Buffer.from(`c00c000100010000003c0004${hexOf(site[4])}`, 'hex')])
    answer.writeUInt16BE(0x8180, 2)
    answer.writeUInt16BE(1, 6)
    socket.send(answer, port, address)
  })
  socket.bind(ports.dns, site[family])
  await once(socket, 'listening')
}

function hexOf(ipv4: string): string {
  return Buffer.from(ipv4.split('.').map(Number)).toString('hex')
}

function echo(socket: Socket): void {
  quiet(socket).pipe(socket)
}

function give(socket: Socket): void {
  const zeros = Buffer.alloc(1 << 16)
  const go = () => {
    while (!socket.destroyed && socket.write(zeros));
  }
  quiet(socket).on('drain', go)
  go()
}

/** Gives a little fifty times a second: a connection that is in use and costs nothing. */
function trickle(socket: Socket): void {
  const dropping = setInterval(() => socket.write('drop'), DROP)
  quiet(socket).on('close', () => clearInterval(dropping))
}

/** Says ten times a second how many octets have come, and in how many milliseconds since the first. */
function take(socket: Socket): void {
  let octets = 0
  let begun = 0
  const report = () => socket.write(`${octets} ${Math.round(performance.now() - begun)}\n`)
  quiet(socket).once('data', () => {
    begun = performance.now()
    const reporting = setInterval(report, REPORT)
    socket.on('close', () => clearInterval(reporting))
    socket.on('data', ({ length }: Buffer) => void (octets += length))
  })
}

function quiet(socket: Socket): Socket {
  return socket.on('error', () => undefined)
}

const verbs = { up: () => listening.then(() => undefined) }
export type InternetVerbs = typeof verbs

answerWith(verbs)
