export * from './mib.js'
export * from './simulator.js'
export * from './switch.js'
