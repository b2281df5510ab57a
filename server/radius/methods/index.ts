import { chap } from './chap.js'
import { mac } from './mac.js'
import type { Method } from './method.js'
import { msChap, msChap2 } from './mschap.js'
import { pap } from './pap.js'

/** The ways of logging on, in the order in which a request is offered to them. */
export const methods: readonly Method[] = [mac, pap, chap, msChap2, msChap]
