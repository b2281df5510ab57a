import { spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PROGRAM = '/usr/sbin/snmpd'
const mustRun = process.env['CI'] === 'true'

/** Undefined, or why a test with Debian's snmpd is skipped. With CI set its absence is a failure instead. */
export const withoutSnmpd: string | undefined =
  existsSync(PROGRAM) || mustRun ? undefined : 'needs snmpd (apt-get install snmpd)'

/** Undefined, or why a test in a network namespace is skipped. */
export const withoutNamespaces: string | undefined =
  withoutSnmpd ?? (mustRun || mayMakeNamespaces() ? undefined : 'needs root and iproute2, to make a network namespace')

function mayMakeNamespaces(): boolean {
  return spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up']).status === 0
}

/** Passwords of the users below. */
export const passwords = { auth: 'a long password of auth', priv: 'a long password of priv' } as const

/** A running snmpd. */
export interface Snmpd {
  readonly port: number
  stop(): Promise<void>
}

/**
 * Starts Debian's snmpd on loopback with the community `public` (reading), and for each authentication protocol a user
 * of that name with AES.
 * @param namespace  the network namespace in which it runs; the system's own when absent
 */
export async function startSnmpd(folder: string, namespace?: string): Promise<Snmpd> {
  const port = namespace === undefined ? await freePort() : 161
  writeFileSync(join(folder, 'snmpd.conf'), configuration(port, namespace === undefined ? '127.0.0.1' : '0.0.0.0'))
  const own = [PROGRAM, '-f', '-Lo', '-r', '-C', '-c', join(folder, 'snmpd.conf'), '-I', '-smux']
  const [program = PROGRAM, ...given] = namespace === undefined ? own : ['ip', 'netns', 'exec', namespace, ...own]
  const child = spawn(program, given, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SNMP_PERSISTENT_DIR: folder, SNMPCONFPATH: folder, MIBS: '' }
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString()
      if (said.includes('NET-SNMP version')) resolve()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`snmpd ended with status ${code}: ${said.slice(-2000)}`)))
  })
  return {
    port,
    stop: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
  }
}

function configuration(port: number, address: string): string {
  const users = ['SHA-256', 'SHA-512', 'SHA']
  return [
    `agentaddress udp:${address}:${port}`,
    'sysName edge-switch',
    'sysDescr A box with Debian',
    'rocommunity public',
    'rwcommunity writer',
    ...users.map(of => `createUser ${of} ${of} "${passwords.auth}" AES "${passwords.priv}"`),
    ...users.map(of => `rouser ${of} priv`),
    ''
  ].join('\n')
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}
