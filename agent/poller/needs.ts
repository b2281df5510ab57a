import type { Accounting, AnyDriver, Device, Session, Subscriber } from '../model/index.js'
import type { Change } from '../subscribers/index.js'

/*
 * What polling needs of the modules below it. The real classes fit; tests bring small ones of their own.
 */

/** The replica of devices and of the subscribers behind their ports. */
export interface ReplicaView {
  on(event: 'changed', listener: (changes: readonly Change[]) => void): unknown
  off(event: 'changed', listener: (changes: readonly Change[]) => void): unknown
  subscriber(id: string): Subscriber | undefined
  subscribers(): Iterable<Subscriber>
  device(id: string): Device | undefined
  devices(): Iterable<Device>
}

/** The live session table. */
export interface SessionsView {
  /** Settles when what it changed is durable; rejects when it could not be stored, and nothing has changed then. */
  record(accounting: Accounting): Promise<void>
  /** Open and stale ones. */
  ofSubscriber(subscriber: string): readonly Session[]
  list(wanted?: (session: Session) => boolean): Iterable<Session>
}

/** A driver whose device can be polled; without `readCounters` it is only asked whether the device is there. */
export type PolledDriver = Pick<AnyDriver, 'name' | 'health' | 'close' | 'readCounters'>
