import { execFile, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { type EapOptions, EapServer } from '../../../server/radius/index.js'
import type { Pki } from './certificates.js'
import { Documents, type Rig, rig, SECRET } from './rig.js'

/** Why tests with a program are skipped: it is not there, and this is not CI. */
export function lacks(program: string, from: string): string | false {
  const isCi = process.env['CI'] === 'true'
  return spawnSync(program, ['-h']).error !== undefined && !isCi && `needs ${program} (apt-get install ${from})`
}

interface Test {
  teardown(undo: () => unknown): unknown
}

/** A server that speaks EAP, at the hour of this machine: certificates are of today. */
export async function eapRig(
  t: Test,
  options: Partial<EapOptions>,
  documents = new Documents()
): Promise<Rig & { eap: EapServer }> {
  const eap = new EapServer({ clock: () => Date.now(), ...options })
  t.teardown(() => eap.close())
  const made = await rig(t, { eap, documents })
  made.now = Date.now()
  return Object.assign(made, { eap })
}

/** How a run of the peer ended. */
export interface Ran {
  readonly succeeded: boolean
  readonly output: string
}

/** A network block of wpa_supplicant's configuration. */
export type Network = Readonly<Record<string, string>>

let configurations = 0

/** Runs Debian's eapol_test with a network of these lines. @param pem  where its configuration is written */
export function eapolTest(pem: Pki, port: number, network: Network, ...args: string[]): Promise<Ran> {
  const file = pem.file(`peer-${configurations++}.conf`)
  const bare = (name: string) => name === 'eap' || name === 'fragment_size'
  const lines = Object.entries(network).map(([name, value]) => `${name}=${bare(name) ? value : `"${value}"`}`)
  writeFileSync(file, `network={\nkey_mgmt=WPA-EAP\n${lines.join('\n')}\n}\n`)
  const all = ['-c', file, '-a', '127.0.0.1', '-p', String(port), '-s', SECRET, '-t', '10', ...args]
  return new Promise(resolve =>
    execFile('eapol_test', all, { maxBuffer: 1 << 26 }, (_error, output) =>
      resolve({ succeeded: output.trimEnd().endsWith('SUCCESS'), output })
    )
  )
}

/** A network that shows the certificate `name.pem`. */
export function shows(pem: Pki, name: string): Network {
  return {
    eap: 'TLS',
    identity: 'alice',
    ca_cert: pem.file('ca.pem'),
    client_cert: pem.file(`${name}.pem`),
    private_key: pem.file(`${name}.key`)
  }
}

/** In how many conversations the peer saw its session resumed. */
export function resumptions(output: string): number {
  const conversations = output.split(/EAP: Received EAP-Success/)
  return conversations.filter(text => text.includes('Handshake finished - resumed=1')).length
}
