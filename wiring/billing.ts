import { readFileSync } from 'node:fs'
import type { Transport, Uplink } from '../agent/uplink/index.js'
import type { CloudConfig } from '../config/index.js'
import type { Base } from './base.js'
import type { State } from './state.js'

/** The connection to billing, begun; undefined where none is configured. */
export async function startUplink(base: Base, state: State): Promise<Uplink | undefined> {
  const { config, clock, log, version, closers } = base
  if (config.cloud === undefined) return undefined
  const { mappingBatch, Uplink } = await import('../agent/uplink/index.js')
  const { source, feed, mapping } = config.cloud
  const { ledger, replica, commands } = state
  const transport = await makeTransport(base, config.cloud)
  const events = mapping === undefined ? undefined : mappingBatch(mapping)
  const limits = events === undefined ? {} : { limits: { events } }
  const uplink = new Uplink({ ledger, replica, commands, transport, source, feed, log, clock, version, ...limits })
  closers.add(() => uplink.close())
  await uplink.start()
  return uplink
}

/** A transport is loaded only where it is used. */
async function makeTransport({ secrets, clock }: Base, cloud: CloudConfig): Promise<Transport> {
  const { url, token, source, ca, certificate, key, mapping, nats } = cloud
  const tls = {
    ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }),
    ...(certificate !== undefined && { cert: readFileSync(certificate, 'utf8') }),
    ...(key !== undefined && { key: secrets.text(key) })
  }
  const credential = (): string => secrets.text(token)
  if (/^(nats|tls):/.test(url)) {
    const { NatsTransport } = await import('../agent/uplink/nats.js')
    return new NatsTransport({ url, credential, source, ...nats, ...tls })
  }
  const { HttpTransport, mappingIngest } = await import('../agent/uplink/index.js')
  const ingest = mapping === undefined ? undefined : mappingIngest(mapping)
  return new HttpTransport({ url, token: credential, clock, ingest, ...tls })
}
