import { availableParallelism } from 'node:os'
import type { Enforcement } from '../agent/enforcement/index.js'
import { eapMethodsOf, type Milliseconds, type Nas, type Subscriber } from '../agent/model/index.js'
import { type AttributeProblems, type PolicySettings, rejected } from '../agent/policy/index.js'
import { weaknessOf } from '../config/index.js'
import { Secret } from '../protocols/radius/index.js'
import {
  type Abandoned,
  accessHandler,
  accountingHandler,
  type Bound,
  DurableLocks,
  EapServer,
  type Handler,
  onceInformed,
  RadiusServer,
  readEapFiles,
  readRevocations,
  Rejections,
  type RevocationFiles,
  type Revocations,
  withoutHeld
} from '../server/radius/index.js'
import type { Proxy } from '../server/radius/proxy/index.js'
import type { RadSec } from '../server/radius/tls/index.js'
import type { Base } from './base.js'
import type { Renewal } from './renewals.js'
import type { State } from './state.js'

/** What access decides with, beside the state. */
export interface Deciding {
  readonly settings: PolicySettings
  readonly enforcement: Enforcement
  readonly problems: AttributeProblems
  readonly rejections: Rejections
}

/** Where rejects are gathered, for billing and for people. */
export function gatherRejections({ clock, log, closers }: Base, { ledger }: State): Rejections {
  const rejections = new Rejections({ ledger, clock, log })
  rejections.start()
  closers.add(() => rejections.close())
  return rejections
}

/** The RADIUS server, which does not listen yet. */
export async function makeRadius(base: Base, state: State, deciding: Deciding): Promise<RadiusServer> {
  const { config, clock, log } = base
  const { rejections } = deciding
  const proxy = await openProxy(base, state, rejections)
  const access = accessOf(base, state, deciding)
  const accounting = accountingHandler({ ...state, subscribers: state.replica, clock })
  // A NAS that speaks again after a silence is told what it missed.
  const seen =
    (handle: Handler): Handler =>
    request => {
      deciding.enforcement.nasSeen(request.source.nas.id)
      return handle(request)
    }
  const radius = new RadiusServer({
    nases: state.nases,
    secretOf: secretReader(base),
    access: seen(proxy?.access(access) ?? access),
    accounting: seen(proxy?.accounting(accounting) ?? accounting),
    clock,
    log,
    locks: await DurableLocks.open(state.ledger, log),
    messageAuthenticator: config.radius.messageAuthenticator,
    rejectDelay: config.radius.rejectDelay,
    socketsAside: availableParallelism() > 1
  })
  base.renewals.add({ what: 'every shared secret', renew: () => radius.reload() })
  return radius
}

/** Reads shared secrets; one that can be guessed from recorded packets is used, and told once. */
function secretReader({ secrets, log }: Base): (nas: Nas) => Secret {
  const told = new Set<string>()
  return ({ id, secretRef }) => {
    const octets = secrets.resolve(secretRef)
    const weakness = weaknessOf(octets)
    const key = `${id} ${weakness}`
    if (weakness !== undefined && !told.has(key)) {
      told.add(key)
      log.warn({ nas: id }, `the shared secret of ${id} ${weakness}: put a random one there and on the box`)
    }
    return new Secret(octets)
  }
}

/** Listens for UDP. */
export async function listen({ config, closers }: Base, radius: RadiusServer): Promise<Bound> {
  closers.add(() => radius.close())
  return radius.listen(config.radius)
}

/** Listens for TLS, where the configuration asks for it. */
export async function listenForTls(base: Base, state: State, receiver: RadiusServer): Promise<RadSec | undefined> {
  const { config, secrets, clock, log, closers, renewals } = base
  if (config.radius.radsec === undefined) return undefined
  const { RadSec } = await import('../server/radius/tls/index.js')
  const { listen, certificate, ca, crl, key, byAddress = false } = config.radius.radsec
  const files = { certificate, ca, key: () => secrets.text(key) }
  const revocable = crl !== undefined
  const radsec = new RadSec({ files, nases: state.nases, receiver, clock, log, byAddress, revocable })
  closers.add(() => radsec.close())
  renewals.add({
    what: 'the certificate of RadSec',
    files: [certificate, ca, ...fileOf(key)],
    renew: () => radsec.reload(),
    until: () => radsec.validUntil
  })
  if (crl !== undefined) renewals.add(revocationsOf('RadSec', { crl, ca }, radsec))
  await radsec.listen(listen)
  return radsec
}

function accessOf(base: Base, state: State, deciding: Deciding): Handler {
  const { config, dictionary, clock, log } = base
  const { replica, sessions, tickets, quotas, learnt, pools } = state
  const { settings, enforcement, problems, rejections } = deciding
  const isInformed = () => config.cloud === undefined || replica.cursor !== undefined || replica.counts().subscriber > 0
  const handle = accessHandler({
    directory: withoutHeld(replica, id => enforcement.isHeld(id)),
    sessions,
    tickets,
    dictionary,
    settings,
    rejections,
    eap: makeEap(base, state, rejections),
    // Who waits at the brake keeps what they have.
    quotaOf: id => (enforcement.isHeld(id) ? undefined : quotas.of(id)),
    learnt,
    pools,
    problems,
    replace: replaced => enforcement.replace(replaced),
    clock,
    log
  })
  return onceInformed(isInformed, handle)
}

/** Without a certificate EAP still speaks MD5, MSCHAPv2 and GTC. */
function makeEap(base: Base, state: State, gathered: Rejections): EapServer {
  const { config, secrets, clock, closers, renewals } = base
  const { eap: given } = config.radius
  const common = {
    clock,
    abandoned: (what: Abandoned) => noteAbandoned(what, state, gathered),
    methodsFor: (subscriber: Subscriber) => eapMethodsOf(subscriber, state.replica.profile(subscriber.profile))
  }
  if (given === undefined) {
    const plain = new EapServer(common)
    closers.add(() => plain.close())
    return plain
  }
  const { certificate, key, ca, crl, methods } = given
  const read = () => readEapFiles({ certificate, key: () => secrets.text(key), ca })
  const revocable = crl !== undefined
  const eap = new EapServer({ ...common, tls: read(), revocable, ...(methods !== undefined && { methods }) })
  closers.add(() => eap.close())
  renewals.add({
    what: 'the certificate of EAP',
    files: [certificate, ...fileOf(key), ...(ca === undefined ? [] : [ca])],
    renew: () => eap.reload(read()),
    until: () => eap.validUntil
  })
  if (crl !== undefined && ca !== undefined) renewals.add(revocationsOf('EAP', { crl, ca }, eap))
  return eap
}

/**
 * The list of revoked certificates of one server. One that has run out still counts: whom it names stays out, and nobody
 * else is put off because a CA, or the way to it, is down. Lists live for days and are replaced by themselves, so nobody
 * is told before the end.
 */
function revocationsOf(
  of: string,
  files: RevocationFiles,
  server: { revoke(revocations: Revocations): void; readonly revokedUntil: Milliseconds }
): Renewal {
  let known: Revocations | undefined
  const renew = () => {
    const read = readRevocations(files, known)
    server.revoke(read)
    known = read
  }
  return {
    what: `the list of revoked certificates of ${of}`,
    files: [files.crl, files.ca],
    renew,
    until: () => server.revokedUntil,
    soon: 0,
    meanwhile: 'Until then those on it stay out, and whoever was revoked since gets in.',
    unread: true
  }
}

// It was not refused, but not let on either: without this, nobody would ever see it.
function noteAbandoned({ userName, nas, callingStation, method, startedAt }: Abandoned, state: State, to: Rejections) {
  const { code, words } = rejected('EAP_ABANDONED', `It was asked by ${method}.`)
  const subscriber = state.replica.subscriberByUserName(userName)?.id ?? ''
  to.note({ subscriber, userName, nas, code, words, callingStation, at: startedAt })
}

/** The file behind a secret's reference, where it is one. */
function fileOf(reference: string): string[] {
  return reference.startsWith('file:') ? [reference.slice('file:'.length)] : []
}

/** Forwarding to partners, where the configuration names any. */
async function openProxy(base: Base, { ledger }: State, rejections: Rejections): Promise<Proxy | undefined> {
  const { config, secrets, clock, log, closers } = base
  if (config.proxy === undefined || config.proxy.realms.length === 0) return undefined
  const { Proxy } = await import('../server/radius/proxy/index.js')
  const realms = config.proxy.realms.map(realm => ({
    ...realm,
    servers: realm.servers.map(server => ({ ...server, secret: new Secret(secrets.resolve(server.secret)) }))
  }))
  const proxy = await Proxy.open({ realms, ledger, rejections, clock, log })
  closers.add(() => proxy.close())
  return proxy
}
