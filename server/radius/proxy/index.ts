/** Proxying by realm to partners' RADIUS servers. RFC 2865 §2.3, RFC 2866 §2.2, RFC 5997. */
export { type BacklogLimits, defaultBacklogLimits } from './backlog.js'
export { Health, type State, type Step, steps } from './health.js'
export { defaultPartnerTimes, type PartnerTimes } from './partner.js'
export { type PartnerRealm, type PartnerServer, Proxy, type ProxyOptions, type RealmStatus } from './proxy.js'
export { Realms } from './realms.js'
