import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PROGRAM = '/usr/sbin/freeradius'

/** Undefined, or why a test with FreeRADIUS' own server is skipped. With CI set its absence is a failure instead. */
export const withoutFreeradius: string | undefined =
  existsSync(PROGRAM) || process.env['CI'] === 'true' ? undefined : 'needs freeradius (apt-get install freeradius)'

/** Debian's FreeRADIUS as a Dynamic Authorization Server. */
export interface Freeradius {
  readonly port: number
  /** What its debug log says so far. */
  log(): string
  /** Waits until the log has it: its words come by a pipe, after its replies. */
  heard(words: RegExp): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts `freeradius -X` with nothing but a `listen { type = coa }` on loopback.
 * It knows one session, by Acct-Session-Id; for any other it says NAK with Error-Cause 503.
 * @param folder  an empty folder for its configuration
 */
export async function startFreeradius(folder: string, secret: string, session: string): Promise<Freeradius> {
  const port = await freePort()
  writeFileSync(join(folder, 'dictionary'), '$INCLUDE /usr/share/freeradius/dictionary\n')
  writeFileSync(join(folder, 'radiusd.conf'), configuration(folder, port, secret, session))
  const child = spawn(PROGRAM, ['-X', '-d', folder], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const waiting = new Set<() => void>()
  const ready = new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString()
      if (said.includes('Ready to process requests')) resolve()
      for (const look of waiting) look()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`freeradius ended with status ${code}: ${said.slice(-2000)}`)))
  })
  await ready
  return {
    port,
    log: () => said,
    heard: words =>
      new Promise(resolve => {
        const look = (): void => {
          if (!words.test(said)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    stop: async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  }
}

function configuration(folder: string, port: number, secret: string, session: string): string {
  return `
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = ${folder}
logdir = ${folder}
run_dir = ${folder}
pidfile = ${folder}/freeradius.pid
security { allow_core_dumps = no
  max_attributes = 200 }
modules {
  always ok {
    rcode = ok
  }
  always reject {
    rcode = reject
  }
}
client turnpike { ipaddr = 127.0.0.1
  secret = ${secret}
  require_message_authenticator = yes }
server nas {
  listen { type = coa
    ipaddr = 127.0.0.1
    port = ${port}
    virtual_server = nas }
  recv-coa {
    if (&Acct-Session-Id == "${session}") {
      ok
    }
    else {
      update reply { Error-Cause := 503 }
      reject
    }
  }
}
`
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
