import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate and its key, as PEM files. */
export interface Certificate {
  readonly certificate: string
  readonly key: string
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** What a certificate says. */
export interface Wishes {
  readonly ca?: Certificate
  readonly alternatives?: string
  /** May sign others. */
  readonly authority?: boolean
}

/** Makes certificates in a folder with the openssl program, which is wherever Debian's ca-certificates are. */
export function issue(folder: string, name: string, { ca, alternatives, authority = false }: Wishes = {}): Certificate {
  const made = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  const signer = ca === undefined ? [] : ['-CA', ca.certificate, '-CAkey', ca.key]
  const extensions = [
    `basicConstraints=critical,CA:${authority ? 'TRUE' : 'FALSE'}`,
    ...(alternatives === undefined ? [] : [`subjectAltName=${alternatives}`])
  ].flatMap(extension => ['-addext', extension])
  const files = ['-keyout', made.key, '-out', made.certificate]
  openssl('req', '-x509', ...NEW_KEY, ...signer, '-subj', `/CN=${name}`, '-days', '30', ...extensions, ...files)
  return made
}

/** A certificate that ran out in 2024. */
export function issueExpired(folder: string, name: string, ca: Certificate): Certificate {
  const made = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  const request = join(folder, `${name}.csr`)
  openssl('req', '-new', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', made.key, '-out', request)
  const config = join(folder, 'ca.cnf')
  openssl(
    ...`ca -batch -notext -config ${config} -cert ${ca.certificate} -keyfile ${ca.key}`.split(' '),
    ...`-startdate 20240101000000Z -enddate 20240201000000Z -in ${request} -out ${made.certificate}`.split(' ')
  )
  return made
}

/** What `openssl ca` wants to find in the folder, by file name. */
export const authorityFiles = (folder: string): Record<string, string> => ({
  'index.txt': '',
  'ca.cnf': [
    '[ca]\ndefault_ca = here\n[here]',
    `dir = ${folder}`,
    'database = $dir/index.txt',
    'new_certs_dir = $dir',
    'rand_serial = yes\ndefault_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n'
  ].join('\n')
})

export function read({ certificate, key }: Certificate): { cert: string; key: string } {
  return { cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') }
}

function openssl(...words: string[]): void {
  execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] })
}
