import { DriverError } from '../../agent/model/index.js'
import type { DeviceRecord, Nbi } from './nbi.js'

/** By what a CPE is found: the first that is given. */
export interface Sought {
  /** GenieACS' own id: `OUI-ProductClass-Serial`. */
  readonly device?: string | undefined
  readonly serial?: string | undefined
  /** The PPP user that is set on the CPE. */
  readonly userName?: string | undefined
}

/** Where CPEs keep their PPP user. `*` cannot be asked for: these are the places of the first connections. */
export const userNamePaths = [
  'InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.Username',
  'InternetGatewayDevice.WANDevice.1.WANConnectionDevice.2.WANPPPConnection.1.Username',
  'Device.PPP.Interface.1.Username',
  'VirtualParameters.pppoeUsername'
] as const

/**
 * The one CPE that is meant.
 * @param read  what to read of it
 * @throws DriverError `NO_SUCH_SESSION` when there is none, `REJECTED` when there are several: neither is guessed at
 */
export async function findDevice(
  nbi: Nbi,
  sought: Sought,
  read: readonly string[],
  signal: AbortSignal
): Promise<DeviceRecord> {
  const found = await nbi.devices(queryOf(sought), read, 2, signal)
  const [first] = found
  if (first === undefined)
    throw new DriverError('NO_SUCH_SESSION', `GenieACS knows no device with ${wordsOf(sought)}. Has it ever informed?`)
  if (found.length > 1)
    throw new DriverError('REJECTED', `GenieACS knows more than one device with ${wordsOf(sought)}. Name it by its id.`)
  return first
}

function queryOf({ device, serial, userName }: Sought): object {
  if (device !== undefined) return { _id: device }
  if (serial !== undefined) return { '_deviceId._SerialNumber': serial }
  if (userName !== undefined) return { $or: userNamePaths.map(path => ({ [path]: userName })) }
  throw new DriverError(
    'UNSUPPORTED',
    'It is not said which device is meant. Give the value device or serial, or one of these as an option of the device document.'
  )
}

function wordsOf({ device, serial, userName }: Sought): string {
  if (device !== undefined) return `the id ${device}`
  return serial === undefined ? `the PPP user ${userName ?? ''}` : `the serial number ${serial}`
}
