import {
  type AnyDriver,
  type Clock,
  type DriverError,
  type DriverErrorCode,
  driverErrors,
  isPolled,
  type Milliseconds,
  type Session
} from '../model/index.js'
import type { Way } from './ladder.js'
import { isRadius } from './reach.js'

/** Something that a person must look at. */
export interface Alarm {
  readonly key: string
  readonly since: Milliseconds
  readonly words: string
}

/** What to look at where RADIUS was the way. */
const check: Readonly<Record<DriverErrorCode, string>> = {
  UNREACHABLE:
    'Check that the NAS is up, that it takes CoA from this address (MikroTik: /radius incoming accept=yes), the port, and any firewall between',
  TIMEOUT: 'Check the load of the NAS, the loss on the path, and any firewall between',
  AUTH: 'Compare the shared secret, or the credentials, on both sides',
  NO_SUCH_SESSION:
    'Look on the NAS whether the session is still there; if it is, check the vendor set for this NAS, whose keys do not match',
  REJECTED: 'Read the log of the NAS for the reason, and end the session there',
  PROTOCOL: 'Check that the device behind the address is of the make that the configuration says',
  UNSUPPORTED: 'Enable CoA and Disconnect on the NAS, or configure a device with an API for it'
}

/** Whom it did not reach, and where. */
export interface Unreached {
  readonly userName: string
  readonly place: string
  readonly session: Session | undefined
}

/** What an engineer reads when all ways are spent. */
export function alarmWords(
  { userName, place, session }: Unreached,
  { tried, error }: { readonly tried: readonly Way[]; readonly error: DriverError }
): string {
  const spent = tried.length === 0 ? 'no way of doing it is configured' : `${tried.join(', ')} tried in vain`
  const last = tried.at(-1)
  const remedy = last === 'api' || last === 'port' ? driverErrors[error.code].remedy : `${check[error.code]}.`
  const asksAgain = session !== undefined && !isPolled(session)
  const then = asksAgain ? ' The next Access-Request is answered as billing wants.' : ''
  return `${userName} on ${place}: ${spent}. ${error.message} ${remedy}${then}`
}

/** What an engineer reads when a NAS or a device does not answer. */
export function silenceWords(place: string, driver: AnyDriver): string {
  const remedy = isRadius(driver) ? `${check.UNREACHABLE}.` : driverErrors.UNREACHABLE.remedy
  return `${place} does not answer (${driver.name}). ${remedy} It is tried again every 30 s, and what waits for it is made up then.`
}

/** The alarms that stand. Each is raised once and cleared when its cause is gone. */
export class Alarms {
  readonly #clock: Clock
  readonly #alarms = new Map<string, Alarm>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns false when it stood already, with the same words */
  raise(key: string, words: string): boolean {
    const standing = this.#alarms.get(key)
    if (standing?.words === words) return false
    this.#alarms.set(key, { key, since: standing?.since ?? this.#clock(), words })
    return true
  }

  clear(key: string): void {
    this.#alarms.delete(key)
  }

  list(): readonly Alarm[] {
    return [...this.#alarms.values()]
  }
}
