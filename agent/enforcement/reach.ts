import type { Logger } from 'pino'
import {
  type AnyDriver,
  DriverError,
  isPolled,
  type Nas,
  portsOn,
  type Session,
  type Subscriber
} from '../model/index.js'
import type { NasesView } from './needs.js'

/** A driver, and where it acts. */
export interface Reach {
  readonly driver: AnyDriver
  /** Id of the NAS (RADIUS) or of the device (its own interface): its calls stand in one queue. */
  readonly place: string
  /** The subscriber's ports on that device. */
  readonly ports: readonly string[]
  /** A device of the subscriber's document, beside the NAS: it is shut when nothing else helps. */
  readonly beside: boolean
}

/** What finding drivers needs. */
export interface ReachesOptions {
  readonly nases: NasesView
  /** Drivers of a NAS, the preferred one first. @throws DriverError when the NAS cannot be driven */
  readonly driversFor: (nas: Nas) => readonly AnyDriver[]
  /** The driver of a device, by the id of its document. */
  readonly driverOf: (device: string) => AnyDriver | undefined
  readonly log: Logger
}

/** Which drivers reach a session, or a subscriber who has none. */
export class Reaches {
  readonly #options: ReachesOptions

  constructor(options: ReachesOptions) {
    this.#options = options
  }

  /** What reaches a session: its NAS by RADIUS and by its own interface, then the subscriber's devices. */
  ofSession(session: Session, subscriber: Subscriber | undefined): readonly Reach[] | DriverError {
    const ofNas = this.#ofNas(session.nas, subscriber)
    if (ofNas instanceof DriverError) return ofNas
    const found = ofNas.filter(({ driver }) => !isPolled(session) || !isRadius(driver))
    return [...found, ...this.#beside(subscriber).filter(({ place }) => !found.some(one => one.place === place))]
  }

  /** What shuts the line of somebody without a session: the box that their document binds them to, and their devices. */
  ofSubscriber(subscriber: Subscriber): readonly Reach[] {
    const { nas } = subscriber.bind ?? {}
    const bound = nas === undefined ? [] : this.#ofNas(nas, subscriber)
    const found = bound instanceof DriverError ? [] : bound.filter(({ driver }) => !isRadius(driver) && shuts(driver))
    return [...found, ...this.#beside(subscriber).filter(({ place }) => !found.some(one => one.place === place))]
  }

  /** One device. */
  at(device: string, ports: readonly string[]): Reach | undefined {
    const driver = this.#options.driverOf(device)
    return driver && { driver, place: device, ports, beside: true }
  }

  /** The drivers that answer for a place, whosever it is: to ask after it. */
  atPlace(place: string): readonly AnyDriver[] {
    const found = this.#ofNas(place, undefined)
    const own = this.#options.driverOf(place)
    return [...(found instanceof DriverError ? [] : found.map(({ driver }) => driver)), ...(own ? [own] : [])]
  }

  #ofNas(id: string, subscriber: Subscriber | undefined): readonly Reach[] | DriverError {
    const { nases, driversFor, driverOf, log } = this.#options
    const nas = nases.byId(id)
    const reach = (driver: AnyDriver, place: string): Reach => ({
      driver,
      place,
      ports: portsOn(place, subscriber),
      beside: false
    })
    if (nas === undefined) {
      const driver = driverOf(id)
      return driver === undefined
        ? new DriverError(
            'UNSUPPORTED',
            `Neither a NAS nor a device ${id} is in the configuration or in billing's documents.`
          )
        : [reach(driver, id)]
    }
    try {
      return driversFor(nas).map(driver => reach(driver, isRadius(driver) ? id : (nas.device ?? id)))
    } catch (error) {
      if (error instanceof DriverError) return error
      log.error({ err: error, nas: id }, 'the drivers of a NAS could not be made')
      return new DriverError('UNSUPPORTED', `The drivers of NAS ${id} could not be made; the log tells why.`)
    }
  }

  #beside(subscriber: Subscriber | undefined): readonly Reach[] {
    const ids = new Set(subscriber?.devices?.map(({ device }) => device))
    return [...ids].flatMap(device => {
      const driver = this.#options.driverOf(device)
      const usable = driver !== undefined && shuts(driver)
      return usable ? [{ driver, place: device, ports: portsOn(device, subscriber), beside: true }] : []
    })
  }
}

/** Whether it speaks CoA and Disconnect: what it does is done to a session and ends with it. */
export function isRadius({ acts }: AnyDriver): boolean {
  return acts === 'session'
}

function shuts({ capabilities }: AnyDriver): boolean {
  return capabilities.includes('block') && capabilities.includes('restore')
}
