export * from './simulator.js'
