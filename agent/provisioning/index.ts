export * from './commands.js'
export * from './errors.js'
export * from './provisioner.js'
export type { SecretSources } from './references.js'
