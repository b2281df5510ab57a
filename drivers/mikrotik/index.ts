export * from './connection.js'
export * from './driver.js'
export * from './target.js'
