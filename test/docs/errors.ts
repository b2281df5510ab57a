import { driverErrors } from '../../agent/model/index.js'
import { ledgerErrors } from '../../agent/ledger/index.js'
import { provisioningErrors } from '../../agent/provisioning/index.js'
import { rejections } from '../../agent/policy/index.js'
import { subscribersErrors } from '../../agent/subscribers/index.js'
import { uplinkErrors } from '../../agent/uplink/index.js'
import { cliErrors } from '../../cli/errors.js'
import { configErrors } from '../../config/index.js'
import { radiusErrors } from '../../protocols/radius/index.js'
import { routerosErrors } from '../../protocols/routeros/index.js'
import { billingErrors } from '../../sandbox/billing/errors.js'
import { nasErrors } from '../../sandbox/nas/index.js'
import { apiErrors } from '../../server/http/errors.js'
import { discards, eapErrors, radiusServerErrors, revocationErrors } from '../../server/radius/index.js'
import { radSecErrors } from '../../server/radius/tls/index.js'

type Table = Readonly<Record<string, string | { readonly remedy: string }>>

/** Every table of codes, by the name of its export, under the heading that docs/errors.md gives it. */
export const tables: readonly { readonly heading: string; readonly name: string; readonly table: Table }[] = [
  { heading: 'Starting and configuring', name: 'configErrors', table: configErrors },
  { heading: 'The turnpike command', name: 'cliErrors', table: cliErrors },
  { heading: 'The local API', name: 'apiErrors', table: apiErrors },
  { heading: 'Listening for RADIUS', name: 'radiusServerErrors', table: radiusServerErrors },
  { heading: 'Offering EAP', name: 'eapErrors', table: eapErrors },
  { heading: 'Lists of revoked certificates', name: 'revocationErrors', table: revocationErrors },
  { heading: 'RADIUS over TLS', name: 'radSecErrors', table: radSecErrors },
  { heading: 'Requests that get no reply', name: 'discards', table: discards },
  { heading: 'Subscribers who are refused', name: 'rejections', table: rejections },
  { heading: 'Packets that are not RADIUS', name: 'radiusErrors', table: radiusErrors },
  { heading: 'The ledger', name: 'ledgerErrors', table: ledgerErrors },
  { heading: 'The replica and its commands', name: 'subscribersErrors', table: subscribersErrors },
  { heading: 'Billing in the cloud', name: 'uplinkErrors', table: uplinkErrors },
  { heading: 'Provisioning', name: 'provisioningErrors', table: provisioningErrors },
  { heading: 'Driving equipment', name: 'driverErrors', table: driverErrors },
  { heading: 'The RouterOS API', name: 'routerosErrors', table: routerosErrors },
  { heading: 'The sandbox billing', name: 'billingErrors', table: billingErrors },
  { heading: 'The virtual NAS', name: 'nasErrors', table: nasErrors }
]

/** docs/errors.md as the tables have it. */
export function errorsDocument(): string {
  const sections = tables.map(({ heading, table }) => {
    const rows = Object.entries(table).map(([code, entry]) => `| \`${code}\` | ${cell(entry)} |`)
    return `## ${heading}\n\n| Code | What it means, and what to do |\n|---|---|\n${rows.join('\n')}\n`
  })
  return `# Errors\n\nEvery code that logs, the command, the API and billing show, and what an engineer should do. Written from the tables\nin the code: after changing one, run \`npm run docs\`.\n\n${sections.join('\n')}`
}

function cell(entry: Table[string]): string {
  return (typeof entry === 'string' ? entry : entry.remedy).replaceAll('|', '\\|')
}
