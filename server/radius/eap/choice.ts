import type { EapMethodName, Subscriber } from '../../../agent/model/index.js'
import { EapType } from '../../../protocols/eap/index.js'
import type { EapContext, EapMethod } from './method.js'

/** The methods as documents and the configuration name them. */
export const eapMethodTypes = {
  peap: EapType.Peap,
  ttls: EapType.Ttls,
  tls: EapType.Tls,
  md5: EapType.Md5Challenge,
  mschapv2: EapType.MsChapV2,
  gtc: EapType.Gtc
} as const satisfies Record<EapMethodName, number>

/** All names, in the order in which they are offered unless configured otherwise. */
export const eapMethodNames = Object.keys(eapMethodTypes) as readonly EapMethodName[]

/** Says which methods a subscriber may use; undefined: those of all. The first is offered, the others on demand (NAK). */
export type MethodsFor = (subscriber: Subscriber) => readonly EapMethodName[] | undefined

/** Which methods there are, in which order, and how one is made. */
export interface EapChoice {
  /** Types, the preferred first. @param subscriber  undefined: nobody knows yet who it is */
  order(subscriber: Subscriber | undefined): readonly number[]
  make(type: number, context: EapContext): EapMethod
}
