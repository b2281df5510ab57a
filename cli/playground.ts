import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Subscriber } from '../agent/model/index.js'
import { newSecret } from '../config/index.js'
import { type BillingCloud, parseAmount } from '../sandbox/billing/index.js'
import type { Dialer } from '../sandbox/nas/index.js'

/** What stands in the sandbox's directory. */
export interface Playground {
  readonly directory: string
  /** Bearer token of the agent, and of whoever takes the money. */
  readonly tokens: { readonly edge: string; readonly admin: string }
  /** Shared secret of the virtual NAS. */
  readonly secret: string
  /** A configuration with which an agent finds all of this. */
  readonly configFile: string
}

/** Where agent, billing and virtual NAS find each other; all on loopback. */
export interface Ports {
  readonly billing: number
  readonly authentication: number
  readonly accounting: number
  readonly coa: number
}

/** The id of the virtual NAS. */
const NAS = 'virtual-nas'
const PLAN = 'home-20'
const LOOPBACK = '127.0.0.1'

/** Makes the directory and its secrets, or takes up those that are there. */
export function openPlayground(directory: string): Playground {
  mkdirSync(join(directory, 'secrets'), { recursive: true, mode: 0o750 })
  const [edge, admin, secret] = ['cloud-token', 'admin-token', NAS].map(name => keep(join(directory, 'secrets', name)))
  const configFile = join(directory, 'turnpike.yaml')
  return { directory, tokens: { edge: edge ?? '', admin: admin ?? '' }, secret: secret ?? '', configFile }
}

function keep(path: string): string {
  if (!existsSync(path)) writeFileSync(path, `${newSecret()}\n`, { mode: 0o600 })
  return readFileSync(path, 'utf8').trim()
}

/** Writes the configuration with which an agent finds billing and NAS. */
export function writeConfig({ configFile }: Playground, ports: Ports): void {
  writeFileSync(configFile, configText(ports))
}

function configText({ billing, authentication, accounting, coa }: Ports): string {
  return `# Written by turnpike sandbox each time it starts: an agent for its billing and its virtual NAS.
data: agent
api: {socket: agent/api.sock}
radius:
  authentication: [${LOOPBACK}:${authentication}]
  accounting: [${LOOPBACK}:${accounting}]
nas:
  - id: ${NAS}
    addresses: [${LOOPBACK}]
    secret: file:secrets/${NAS}
    vendor: mikrotik
    coaPort: ${coa}
cloud:
  url: http://${LOOPBACK}:${billing}
  token: file:secrets/cloud-token
  source: /agents/sandbox
`
}

/** A plan and subscribers at billing; those that are there already stay as they are. @returns who dials in */
export async function stock(cloud: BillingCloud, count: number): Promise<Dialer[]> {
  const profile = { id: PLAN, down: 20_000_000, up: 5_000_000, interimInterval: 60 }
  await cloud.putPlan({ id: PLAN, profile, pricePerGb: parseAmount('5'), whenSpent: 'walled-garden' })
  const known = new Set(cloud.accounts().map(({ document }) => document.id))
  const subscribers = Array.from({ length: count }, (_, index) => subscriberDocument(index + 1))
  for (const document of subscribers) {
    if (!known.has(document.id)) await cloud.addSubscriber(document, parseAmount('1'))
  }
  return subscribers.map(({ username, credentials }, index) => ({
    userName: username,
    password: credentials?.password ?? '',
    method: index % 2 === 0 ? 'pap' : 'chap'
  }))
}

function subscriberDocument(number: number): Subscriber {
  const name = `sub${String(number).padStart(2, '0')}`
  return { id: name, username: name, status: 'active', profile: PLAN, credentials: { password: `password-of-${name}` } }
}
