export * from './driver.js'
export * from './target.js'
