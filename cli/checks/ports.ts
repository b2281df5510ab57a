import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Config, Endpoint } from '../../config/index.js'
import { answers } from '../../server/http/socket.js'
import { octetWords } from '../words.js'
import { type Finding, fix, ok } from './finding.js'

/** Whether the listeners can be opened, and get the receive buffer that they ask for. */
export async function checkPorts(config: Config): Promise<Finding[]> {
  const running = await answers(config.api.socket).catch(() => false)
  const findings: Finding[] = []
  for (const kind of ['authentication', 'accounting'] as const) {
    for (const endpoint of config.radius[kind]) findings.push(await checkPort(`port of ${kind}`, endpoint, running))
  }
  return [...findings, await checkBuffer(config.radius.receiveBuffer)]
}

async function checkPort(subject: string, endpoint: Endpoint, running: boolean): Promise<Finding> {
  const { host, port } = endpoint
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const code = await bind(endpoint)
  if (code === undefined) return ok(subject, `${place} is free`)
  if (code === 'EADDRINUSE' && running) return ok(subject, `${place} is in use; an agent runs here`)
  return fix(subject, `${place} ${reasons[code] ?? `cannot be opened (${code})`}`)
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program: find it with ss -ulpn, stop it, or choose another port',
  EADDRNOTAVAIL: 'is not an address of this box: ip address lists those that are',
  EACCES: 'may not be opened by this user: ports below 1024 need CAP_NET_BIND_SERVICE'
}

/** @returns the system's code when it fails */
async function bind({ host, port }: Endpoint): Promise<string | undefined> {
  const socket = createSocket(host.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' })
  try {
    socket.bind({ address: host, port, exclusive: true })
    await once(socket, 'listening')
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown'
  } finally {
    socket.close()
  }
}

/** Linux doubles what it grants, for its own bookkeeping. socket(7) */
const DOUBLED = 2

async function checkBuffer(wanted: number): Promise<Finding> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: wanted })
  try {
    socket.bind({ address: '127.0.0.1', port: 0 })
    await once(socket, 'listening')
    const got = Math.floor(socket.getRecvBufferSize() / (process.platform === 'linux' ? DOUBLED : 1))
    if (got >= wanted) return ok('receive buffer', octetWords(got))
    return fix(
      'receive buffer',
      `${octetWords(got)} of ${octetWords(wanted)}, so bursts of packets are lost: sysctl -w net.core.rmem_max=${wanted}, or install systemd/60-turnpike.conf in /etc/sysctl.d`
    )
  } finally {
    socket.close()
  }
}
