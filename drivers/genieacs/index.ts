export * from './driver.js'
export type { Sought } from './find.js'
