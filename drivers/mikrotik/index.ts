export * from './connection.js'
export * from './credential.js'
export * from './driver.js'
export * from './target.js'
