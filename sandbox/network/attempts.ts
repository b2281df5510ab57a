import { createSocket } from 'node:dgram'
import { get } from 'node:http'
import { connect } from 'node:net'
import { type Family, ports, site } from './addresses.js'

/** How one attempt to use the network ended. */
export interface Attempt {
  /** The body of a page, `open`, `answered`, `timeout`, or the system's code: `ECONNREFUSED`. */
  readonly said: string
  readonly ms: number
}

/** What somebody meets who tries the web site, TLS and the resolver. */
export type Attempts = Readonly<Record<'web' | 'tls' | 'dns', Attempt>>

const PATIENCE = 1500
const QUERY_AGAIN = 300

/**
 * Tries everything once, at the same time.
 * @param from  the address to use, where there are several
 */
export async function attempts(family: Family, from?: string): Promise<Attempts> {
  const [web, tls, dns] = await Promise.all([tryWeb(family, from), tryTls(family, from), tryDns(family, from)])
  return { web, tls, dns }
}

/** Gets the page of the web site, over a connection of its own. */
export function tryWeb(family: Family, from?: string): Promise<Attempt> {
  return timed(done => {
    const request = get({ ...to(family, ports.web, from), agent: false }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => done(body)).on('error', error => done(codeOf(error)))
    })
    request.on('error', error => done(codeOf(error)))
    request.on('timeout', () => request.destroy(new Error('timeout')))
  })
}

/** Opens a connection to port 443. */
function tryTls(family: Family, from?: string): Promise<Attempt> {
  return timed(done => {
    const socket = connect(to(family, ports.tls, from), () => {
      done('open')
      socket.destroy()
    })
    socket.on('error', error => done(codeOf(error)))
    socket.on('timeout', () => socket.destroy(new Error('timeout')))
  })
}

/** Asks the resolver for a name, again while no answer comes. */
function tryDns(family: Family, from?: string): Promise<Attempt> {
  return timed(done => {
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6')
    const end = (said: string) => {
      clearTimeout(patience)
      clearInterval(again)
      socket.close()
      done(said)
    }
    const ask = () => socket.send(query)
    const patience = setTimeout(() => end('timeout'), PATIENCE)
    let again: NodeJS.Timeout | undefined
    socket.on('error', error => end(codeOf(error)))
    socket.on('message', message => end(isAnswer(message) ? 'answered' : 'garbage'))
    socket.on('connect', () => {
      ask()
      again = setInterval(ask, QUERY_AGAIN)
    })
    socket.bind(0, from, () => socket.connect(ports.dns, site[family]))
  })
}

function to(family: Family, port: number, from?: string) {
  return { host: site[family], port, timeout: PATIENCE, ...(from !== undefined && { localAddress: from }) }
}

// RFC 1035 §4.1: one question, for the A record of site.example.
const question = Buffer.concat([Buffer.from('\x04site\x07example\x00'), Buffer.from([0, 1, 0, 1])])
const query = Buffer.concat([Buffer.from('7e5701000001000000000000', 'hex'), question])

function isAnswer(message: Buffer): boolean {
  return message.length > query.length && message.readUInt16BE(0) === 0x7e57 && message.readUInt16BE(6) > 0
}

async function timed(act: (done: (said: string) => void) => void): Promise<Attempt> {
  const begun = performance.now()
  const said = await new Promise<string>(act)
  return { said, ms: Math.round(performance.now() - begun) }
}

function codeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message
}
