export type { Alarm } from './alarms.js'
export { type BrakeSettings, brakeDefaults } from './brakes.js'
export { Enforcement } from './enforcement.js'
export {
  type EvidenceCheck,
  type EvidenceEntry,
  type EvidenceFacts,
  pruneEvidence,
  readEvidence,
  verifyEvidence
} from './evidence.js'
export { ladder, type Rung, type Verb, type Way, ways } from './ladder.js'
export { enforcementDefaults, type EnforcementLimits, type EnforcementOptions } from './options.js'
export { compare, type AppliedTreatment, type Difference, type Step } from './plan.js'
export type { Reach } from './reach.js'
export { retryRules, type RetryRule } from './retry.js'
export type { EnforcementStatus, OrderStatus } from './status.js'
