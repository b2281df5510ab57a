import { type Answer, type Handler, plain } from './request.js'

const ALIVE: Answer = plain('alive')

/**
 * Status-Server: a NAS asks whether we are there. That it is signed was verified before; it is answered on the
 * authentication port by an Access-Accept, on the accounting port by an Accounting-Response. RFC 5997 §4.1
 */
export const status: Handler = () => ALIVE
