import { readFileSync } from 'node:fs'
import { type Config, ConfigError, type SecretStore } from '../../config/index.js'
import { checkCertificate, checkDates, EapError, endOf, readEapFiles } from '../../server/radius/index.js'
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
  if (eap !== undefined)
    findings.push(
      one('certificate of EAP', eap.certificate, now, () => {
        const tls = readEapFiles({ ...eap, key: () => secrets.text(eap.key) })
        checkCertificate(tls)
        checkDates(tls, now)
        return endOf(tls.certificate)
      })
    )
  if (radsec !== undefined)
    findings.push(
      one('certificate of RadSec', radsec.certificate, now, () =>
        readIdentity({ ...radsec, key: () => secrets.text(radsec.key) }, () => now).validTo.getTime()
      )
    )
  if (mine !== undefined)
    findings.push(one('certificate for billing', mine, now, () => endOf(readFileSync(mine, 'utf8'))))
  return findings
}

function one(subject: string, file: string, now: number, read: () => number): Finding {
  try {
    return remaining(subject, file, read() - now)
  } catch (error) {
    if (error instanceof EapError || error instanceof RadSecError || error instanceof ConfigError)
      return fix(subject, error.message)
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
