import { isIPv4 } from 'node:net'
import type { Row } from './query.js'

/*
 * How the router writes values back: the same value may be given to it in several ways, and it shows one.
 */

const truths = new Set([
  'disabled',
  'accept',
  'accounting',
  'use-radius',
  'radius-accounting',
  'use-peer-dns',
  'add-default-route',
  'one-session-per-host'
])
const times = new Set(['interim-update', 'radius-interim-update', 'lease-time'])
const policies =
  'local,telnet,ssh,ftp,reboot,read,write,policy,test,winbox,password,web,sniff,sensitive,api,romon,rest-api'.split(',')
const factors: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9 }
const units = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 } as const

/** Values as the router writes them back. */
export function normalised(given: Row): Row {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, shown(name, value)]))
}

function shown(name: string, value: string): string {
  if (truths.has(name) && /^(yes|true|no|false)$/.test(value)) return /^(yes|true)$/.test(value) ? 'true' : 'false'
  if (times.has(name)) return timeOf(value)
  if (name === 'mac-address') return value.toUpperCase()
  if (name === 'target' && isIPv4(value)) return `${value}/32`
  if (name === 'max-limit')
    return value.replace(/(\d+)([kMG])/g, (_, n: string, unit: string) => String(Number(n) * (factors[unit] ?? 1)))
  if (name === 'policy') return policyOf(value)
  return value
}

/** All policies, and those that are not granted with a mark. */
function policyOf(value: string): string {
  const granted = new Set(value.split(','))
  return policies.map(policy => (granted.has(policy) ? policy : `!${policy}`)).join(',')
}

/** `5m` for `300s` and `00:05:00`; a word as it is. */
function timeOf(value: string): string {
  const clock = /^(\d+):(\d\d):(\d\d)$/.exec(value)
  const parts = [...value.matchAll(/(\d+)([wdhms]?)/g)]
  if (clock === null && !/^(\d+[wdhms]?)+$/.test(value)) return value
  let left =
    clock === null
      ? parts.reduce((sum, [, n, unit]) => sum + Number(n) * units[(unit || 's') as keyof typeof units], 0)
      : Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3])
  let text = ''
  for (const [unit, length] of Object.entries(units)) {
    if (left >= length) text += `${Math.floor(left / length)}${unit}`
    left %= length
  }
  return text || '0s'
}
