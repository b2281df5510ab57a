import { writeFileSync } from 'node:fs'
import { readRevocations, type Revocations } from '../../../server/radius/index.js'
import { type Pki, pki } from './certificates.js'

/** What a device of the intermediate CA shows: files of `Paths.pem`, its own certificate always before them. */
export interface Case {
  readonly name: string
  readonly sends: readonly string[]
  /** Whether the intermediate is in the file `ca`, beside the root. */
  readonly isKnown: boolean
  /** How it goes while the intermediate stands. */
  readonly standing: 'in' | 'path' | 'untrusted'
  /** How it goes once the intermediate is revoked. */
  readonly revoked: 'revoked' | 'path' | 'untrusted'
}

export const cases: readonly Case[] = [
  { name: 'intermediate in ca', sends: [], isKnown: true, standing: 'in', revoked: 'revoked' },
  { name: 'intermediate sent', sends: ['between'], isKnown: false, standing: 'in', revoked: 'revoked' },
  { name: 'intermediate and root sent', sends: ['between', 'ca'], isKnown: false, standing: 'in', revoked: 'revoked' },
  { name: 'one of the same name', sends: ['fake'], isKnown: true, standing: 'in', revoked: 'revoked' },
  {
    name: 'one signed by itself with the stolen key',
    sends: ['stolen'],
    isKnown: true,
    standing: 'in',
    revoked: 'revoked'
  },
  {
    name: 'one signed by itself with the stolen key, before the real one',
    sends: ['stolen', 'between'],
    isKnown: false,
    standing: 'untrusted',
    revoked: 'untrusted'
  },
  { name: 'one that ran out, of nobody', sends: ['old', 'between'], isKnown: false, standing: 'path', revoked: 'path' },
  {
    name: 'one that ran out, of the CA',
    sends: ['former', 'between'],
    isKnown: false,
    standing: 'path',
    revoked: 'path'
  }
]

/** Certificates around an intermediate CA, real ones and made up ones, and its lists. */
export interface Paths {
  readonly pem: Pki
  /** `ca` of a case, by file name. */
  caOf(each: Case): string
  /** Writes what a case shows to `shown.pem` and `shown.key`. */
  show(each: Case): void
  readonly standing: (each: Case) => Revocations
  readonly revoked: (each: Case) => Revocations
}

/** Makes them in a directory. `server` is for 127.0.0.1, the device is called alice. */
export function paths(directory: string): Paths {
  const pem = pki(directory)
  const common = { subject: '/CN=Intermediate', ca: true }
  pem.issue('server', '/CN=radius.example', { usage: 'serverAuth', names: 'DNS:radius.example,IP:127.0.0.1' })
  pem.issue('between', common.subject, common)
  pem.issue('alice', '/CN=alice', { issuer: 'between', usage: 'clientAuth', byName: true })
  pem.issue('fake', common.subject, { ...common, issuer: 'fake' })
  pem.issue('stolen', common.subject, { ...common, issuer: 'stolen', keyOf: 'between' })
  pem.issue('nobody', '/CN=Nobody', { issuer: 'nobody', ca: true })
  pem.issue('old', common.subject, { ...common, issuer: 'nobody', days: -1 })
  pem.issue('former', common.subject, { ...common, keyOf: 'between', days: -1 })
  const write = (to: string, ...names: readonly string[]) =>
    writeFileSync(pem.file(to), names.map(name => pem.pem(`${name}.pem`)).join(''))
  write('both.pem', 'ca', 'between')
  pem.revoke([], 'standing.pem', { ago: 2 })
  pem.revoke(['between'], 'revoked.pem', { ago: 1 })
  const caOf = ({ isKnown }: Case) => (isKnown ? 'both.pem' : 'ca.pem')
  const lists = (crl: string) => (each: Case) => readRevocations({ crl: pem.file(crl), ca: pem.file(caOf(each)) })
  const show = ({ sends }: Case) => {
    write('shown.pem', 'alice', ...sends)
    writeFileSync(pem.file('shown.key'), pem.pem('alice.key'))
  }
  return { pem, caOf, show, standing: lists('standing.pem'), revoked: lists('revoked.pem') }
}
