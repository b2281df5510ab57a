import { UplinkError } from '../../agent/uplink/index.js'
import type { CloudConfig, SecretStore } from '../../config/index.js'
import { type Finding, fix, ok } from './finding.js'

const PATIENCE = 10_000

/** Whether the NATS server can be reached over TLS that we trust, and takes our credential; loads NATS only for this. */
export async function checkNats(
  { url, token, nats }: CloudConfig,
  secrets: SecretStore,
  tls: { readonly ca?: string; readonly cert?: string; readonly key?: string }
): Promise<Finding> {
  const { NatsLink, natsTimeouts } = await import('../../agent/uplink/nats-link.js')
  const credential = (): string => secrets.text(token)
  const link = new NatsLink({ url, credential, user: nats?.user, timeouts: natsTimeouts, ...tls })
  try {
    await link.connection(AbortSignal.timeout(PATIENCE))
    return ok('cloud', `${url} answers and takes the credential`)
  } catch (error) {
    return fix('cloud', error instanceof UplinkError ? error.message : `${url} does not answer`)
  } finally {
    await link.close()
  }
}
