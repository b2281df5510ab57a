import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Certificates of a small authority, in files and as text. */
export interface Pki {
  readonly directory: string
  file(name: string): string
  pem(name: string): string
  /** Issues `name.pem` and `name.key`. @param days  as text; negative ones make it expired */
  issue(name: string, subject: string, options?: IssueOptions): void
}

interface IssueOptions {
  readonly issuer?: string
  readonly ca?: boolean
  readonly days?: number
  readonly usage?: 'serverAuth' | 'clientAuth'
  readonly names?: string
}

/** Makes a root `ca`, and whatever is asked for, with openssl. */
export function pki(directory: string): Pki {
  const file = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  const key = (name: string) =>
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`)
  const issue: Pki['issue'] = (name, subject, { issuer = 'ca', ca = false, days = 30, usage, names } = {}) => {
    key(name)
    openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`)
    const lines = [`basicConstraints=critical,CA:${ca ? 'TRUE' : 'FALSE'}`]
    if (usage !== undefined) lines.push(`extendedKeyUsage=${usage}`)
    if (names !== undefined) lines.push(`subjectAltName=${names}`)
    writeFileSync(file(`${name}.ext`), lines.join('\n'))
    const by =
      issuer === name
        ? ['-signkey', `${name}.key`]
        : ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial']
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...by,
      '-days',
      String(days),
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`
    )
  }
  issue('ca', '/CN=Test CA', { issuer: 'ca', ca: true })
  return { directory, file, pem: name => readFileSync(file(name), 'utf8'), issue }
}
