import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Certificates of a small authority, in files and as text. */
export interface Pki {
  readonly directory: string
  file(name: string): string
  pem(name: string): string
  /** Issues `name.pem` and `name.key`. @param days  as text; negative ones make it expired */
  issue(name: string, subject: string, options?: IssueOptions): void
  /** Revokes certificates, and writes the list of all that `issuer` has revoked so far to `file`. */
  revoke(names: readonly string[], file: string, options?: RevokeOptions): void
}

interface RevokeOptions {
  readonly issuer?: string
  /** Until the next list is due; negative ones make it one that has run out. */
  readonly days?: number
  /** Days since the list was written; default 100. */
  readonly ago?: number
  /** Section of openssl's configuration with extensions of the list. */
  readonly extensions?: string
}

const DAY = 86_400_000

interface IssueOptions {
  readonly issuer?: string
  readonly ca?: boolean
  readonly days?: number
  readonly usage?: 'serverAuth' | 'clientAuth'
  readonly names?: string
  /** Whose key it is for; by default a new one is made. */
  readonly keyOf?: string
  /** Does not say which key signed it, so that only the name of its issuer does. */
  readonly byName?: boolean
}

/** Makes a root `ca`, and whatever is asked for, with openssl. */
export function pki(directory: string): Pki {
  const file = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  const key = (name: string) =>
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`)
  const issue: Pki['issue'] = (
    name,
    subject,
    { issuer = 'ca', ca = false, days = 30, usage, names, keyOf, byName } = {}
  ) => {
    if (keyOf === undefined) key(name)
    else copyFileSync(file(`${keyOf}.key`), file(`${name}.key`))
    openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`)
    const lines = [`basicConstraints=critical,CA:${ca ? 'TRUE' : 'FALSE'}`]
    if (usage !== undefined) lines.push(`extendedKeyUsage=${usage}`)
    if (byName === true) lines.push('authorityKeyIdentifier=none')
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
  return { directory, file, pem: name => readFileSync(file(name), 'utf8'), issue, revoke: revoker(directory) }
}

/** How an authority of this directory (`ca.pem`, `ca.key`) revokes. */
export function revoker(directory: string): Pki['revoke'] {
  const file = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  return (names, to, { issuer = 'ca', days = 30, ago = 100, extensions } = {}) => {
    const database = `${issuer}.database`
    if (!existsSync(file(database))) {
      writeFileSync(file(database), '')
      writeFileSync(file(`${issuer}.number`), '01\n')
    }
    const section = `[ca]\ndefault_ca=own\n[own]\ndatabase=${database}\ncrlnumber=${issuer}.number\ndefault_md=sha256\n`
    writeFileSync(file(`${issuer}.cnf`), `${section}${extensions === undefined ? '' : `[list]\n${extensions}\n`}`)
    const ca = ['ca', '-config', `${issuer}.cnf`, '-cert', `${issuer}.pem`, '-keyfile', `${issuer}.key`]
    for (const name of names) openssl(...ca, '-revoke', `${name}.pem`)
    const time = (offset: number) => `${new Date(Date.now() + offset).toISOString().replaceAll(/[-T:]|\.\d+/g, '')}`
    const dates = ['-crl_lastupdate', time(-ago * DAY), '-crl_nextupdate', time(days * DAY)]
    openssl(...ca, '-gencrl', ...dates, ...(extensions === undefined ? [] : ['-crlexts', 'list']), '-out', to)
  }
}
