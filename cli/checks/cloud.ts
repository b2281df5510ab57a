import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import type { CloudConfig, Config, SecretStore } from '../../config/index.js'
import { durationWords } from '../words.js'
import { type Finding, fix, ok } from './finding.js'
import { checkNats } from './nats.js'

const PATIENCE = 10_000
/** Beyond this, billing and the agent disagree about periods. Milliseconds. */
const SKEW = 5000
const SOON = 14 * 86_400_000

/** Whether billing can be reached over TLS that we trust, and takes our token; by opening the feed and closing it. */
export async function checkCloud({ cloud }: Config, secrets: SecretStore): Promise<Finding[]> {
  if (cloud === undefined) return [ok('cloud', 'not configured: usage waits in the ledger')]
  try {
    const tls = readTls(cloud, secrets)
    const certificate = checkCertificate(tls.cert)
    if (/^(nats|tls):/.test(cloud.url)) return [...certificate, await checkNats(cloud, secrets, tls)]
    return [...certificate, ...(await ask(cloud, secrets.text(cloud.token), tls))]
  } catch (error) {
    return [fix('cloud', reasonOf(cloud, error as NodeJS.ErrnoException))]
  }
}

interface Tls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

function readTls({ ca, certificate, key }: CloudConfig, secrets: SecretStore): Tls {
  return {
    ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }),
    ...(certificate !== undefined && { cert: readFileSync(certificate, 'utf8') }),
    ...(key !== undefined && { key: secrets.text(key) })
  }
}

function checkCertificate(pem: string | undefined): Finding[] {
  if (pem === undefined) return []
  const end = Date.parse(new X509Certificate(pem).validTo)
  const left = end - Date.now()
  const until = new Date(end).toISOString().slice(0, 10)
  if (left > SOON) return [ok('client certificate', `valid until ${until}`)]
  return [fix('client certificate', `${left < 0 ? 'it ended on' : 'it ends on'} ${until}: get a new one from billing`)]
}

/** Opens the feed; where there is none, reads the events endpoint, which changes nothing there. */
async function ask({ url, feed, mapping }: CloudConfig, token: string, tls: Tls): Promise<Finding[]> {
  const dispatcher = new Agent({ connect: { ...tls, timeout: PATIENCE } })
  try {
    const { path = '/v1/events', tokenHeader = 'authorization', tokenPrefix = 'Bearer ' } = mapping ?? {}
    const asked = feed === false ? path : '/v1/feed'
    const accept = feed === false ? 'application/json' : 'text/event-stream'
    const answer = await request(`${url}${asked}`, {
      dispatcher,
      headers: { [tokenHeader]: `${tokenPrefix}${token}`, accept },
      headersTimeout: PATIENCE
    })
    answer.body.on('error', () => undefined).destroy()
    const found = feed === false ? sendOnly(url, answer.statusCode) : verdict(url, answer.statusCode)
    return [found, ...skewOf(answer.headers['date'])]
  } finally {
    await dispatcher.destroy()
  }
}

function verdict(url: string, status: number): Finding {
  // 410 asks for a snapshot: the token was good.
  if (status === 200 || status === 410) return ok('cloud', `${url} answers and takes the token`)
  if (status === 401 || status === 403)
    return fix(
      'cloud',
      `${url} refuses the token (${status}): get a new one from billing and put it into the file that cloud.token names`
    )
  if (status === 404)
    return fix('cloud', `${url} answers, but has no /v1/feed (404): is cloud.url right, the path included?`)
  return fix('cloud', `${url} answers with ${status}: ask those who run billing`)
}

/** Reading what takes POST alone mostly gives 404 or 405: only a refusal, or an error of the server, tells something. */
function sendOnly(url: string, status: number): Finding {
  if (status === 401 || status === 403 || status >= 500) return verdict(url, status)
  return ok('cloud', `${url} answers; whether it takes the events, the first of them tells (turnpike status)`)
}

function skewOf(date: string | string[] | undefined): Finding[] {
  const theirs = typeof date === 'string' ? Date.parse(date) : Number.NaN
  const skew = Math.abs(Date.now() - theirs)
  if (!(skew > SKEW)) return []
  return [fix('clock against billing', `they differ by ${durationWords(skew)}: see who of the two is not kept by NTP`)]
}

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'has no address in DNS: check the name, and /etc/resolv.conf',
  EAI_AGAIN: 'cannot be looked up, the DNS server does not answer: check /etc/resolv.conf',
  ECONNREFUSED: 'refuses the connection: nothing listens there, or a firewall rejects',
  EHOSTUNREACH: 'cannot be reached: check the route and the firewall',
  ENETUNREACH: 'cannot be reached: this box has no route to it',
  UND_ERR_CONNECT_TIMEOUT: 'does not answer: check the route and the firewall',
  UND_ERR_HEADERS_TIMEOUT: 'takes the connection but does not answer',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'shows a self-signed certificate: name its CA by cloud.ca if that is meant to be so',
  SELF_SIGNED_CERT_IN_CHAIN: 'shows a certificate of a CA that this box does not know: name it by cloud.ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'shows a certificate of a CA that this box does not know: name it by cloud.ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'shows a certificate of a CA that this box does not know: name it by cloud.ca',
  ERR_TLS_CERT_ALTNAME_INVALID: 'shows a certificate for another name: check cloud.url',
  CERT_HAS_EXPIRED: 'shows a certificate that has ended: tell those who run billing, and check the clock here'
}

function reasonOf({ url }: CloudConfig, error: NodeJS.ErrnoException): string {
  const known = reasons[error.code ?? '']
  return known === undefined ? error.message : `${url} ${known}`
}
