import { readFileSync } from 'node:fs'
import { type Config, ConfigError, type SecretStore } from '../../config/index.js'
import {
  checkCertificate,
  checkDates,
  EapError,
  endOf,
  readEapFiles,
  readRevocations,
  RevocationError,
  type RevocationFiles
} from '../../server/radius/index.js'
import { RadSecError, readIdentity } from '../../server/radius/tls/index.js'
import { type Finding, fix, ok } from './finding.js'

const DAY = 86_400_000
/** Days: who renews by hand needs a weekend and some patience. */
const SOON = 14

/** Whether the certificates that are shown to devices, NASes and billing will do, and for how long. */
export function checkCertificates(config: Config, secrets: SecretStore, now: number = Date.now()): Finding[] {
  const { eap, radsec } = config.radius
  const mine = config.cloud?.certificate
  const findings: Finding[] = []
  const revocations = (of: string, { crl, ca }: { readonly crl?: string; readonly ca?: string }) => {
    if (crl === undefined || ca === undefined) return
    findings.push(guarded(`revocations of ${of}`, crl, () => revoked(`revocations of ${of}`, { crl, ca }, now)))
  }
  if (eap !== undefined)
    findings.push(
      one('certificate of EAP', eap.certificate, now, () => {
        const tls = readEapFiles({ ...eap, key: () => secrets.text(eap.key) })
        checkCertificate(tls)
        checkDates(tls, now)
        return endOf(tls.certificate)
      })
    )
  if (eap !== undefined) revocations('EAP', eap)
  if (radsec !== undefined)
    findings.push(
      one('certificate of RadSec', radsec.certificate, now, () =>
        readIdentity({ ...radsec, key: () => secrets.text(radsec.key) }, () => now).validTo.getTime()
      )
    )
  if (radsec !== undefined) revocations('RadSec', radsec)
  if (mine !== undefined)
    findings.push(one('certificate for billing', mine, now, () => endOf(readFileSync(mine, 'utf8'))))
  return findings
}

function one(subject: string, file: string, now: number, read: () => number): Finding {
  return guarded(subject, file, () => remaining(subject, file, read() - now))
}

const known = [EapError, RadSecError, RevocationError, ConfigError]

function guarded(subject: string, file: string, look: () => Finding): Finding {
  try {
    return look()
  } catch (error) {
    if (error instanceof Error && known.some(kind => error instanceof kind)) return fix(subject, error.message)
    if (error instanceof Error && 'code' in error) return fix(subject, `${file} cannot be read (${String(error.code)})`)
    throw error
  }
}

function remaining(subject: string, file: string, left: number): Finding {
  const days = Math.floor(left / DAY)
  if (left <= 0) return fix(subject, `${file} has run out: renew it`)
  if (days >= SOON) return ok(subject, `${file}, good for ${days} days`)
  const when = days === 0 ? 'today' : `in ${days} ${days === 1 ? 'day' : 'days'}`
  return fix(subject, `${file} runs out ${when}: renew it (a running agent takes the new file by itself)`)
}

/** Lists live for days and are replaced by themselves: only one that was not replaced in time is worth a word. */
function revoked(subject: string, files: RevocationFiles, now: number): Finding {
  const { size, validUntil } = readRevocations(files)
  const until =
    validUntil === Infinity ? 'without an end' : `good until ${new Date(validUntil).toISOString().slice(0, 16)}Z`
  if (validUntil > now) return ok(subject, `${files.crl}, ${size} revoked, ${until}`)
  const since = new Date(validUntil).toISOString().slice(0, 10)
  return fix(
    subject,
    `${files.crl} has run out (${since}): renew it. Until then those on it stay out, and whoever was revoked since gets in`
  )
}
