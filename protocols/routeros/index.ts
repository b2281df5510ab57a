export * from './errors.js'
export * from './length.js'
export * from './login.js'
export * from './sentence.js'
