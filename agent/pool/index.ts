/** Address pools of the agent's own, for NASes that have none. */
export { AddressLeases, type AddressLeasesOptions, type PoolSessions, type PoolSettings } from './pools.js'
export type { Holder } from './lease.js'
export type { PoolStatus } from './pool.js'
export { type Range, readRange } from './range.js'
