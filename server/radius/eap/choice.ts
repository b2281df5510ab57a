import type { Subscriber } from '../../../agent/model/index.js'
import { EapType } from '../../../protocols/eap/index.js'
import type { EapContext, EapMethod } from './method.js'

/** The methods as they are configured. */
export const eapMethodTypes = {
  peap: EapType.Peap,
  ttls: EapType.Ttls,
  tls: EapType.Tls,
  md5: EapType.Md5Challenge,
  mschapv2: EapType.MsChapV2,
  gtc: EapType.Gtc
} as const

/** Name of an EAP method in the configuration. */
export type EapMethodName = keyof typeof eapMethodTypes

/** All names, in the order in which they are offered unless configured otherwise. */
export const eapMethodNames = Object.keys(eapMethodTypes) as readonly EapMethodName[]

/** Says which methods somebody may use; undefined: those of all. The first is offered, the others on demand (NAK). */
export type MethodsFor = (
  identity: string,
  subscriber: Subscriber | undefined,
  nas: string
) => readonly EapMethodName[] | undefined

/** Which methods there are, in which order, and how one is made. */
export interface EapChoice {
  /** Types, the preferred first. */
  order(identity: string, subscriber: Subscriber | undefined, nas: string): readonly number[]
  make(type: number, context: EapContext): EapMethod
}
