import type { TableChange } from '../ledger/contract.js'
import type { Meter } from './meter.js'

/*
 * The table `poller`:
 *   port\0<device>\0<port>   the meter that counts there, JSON with octets as decimal texts
 *   device\0<device>         what billing was told last of the device: up, down, flapping
 */
export const TABLE = 'poller'
export const PORT_PREFIX = 'port\0'
export const DEVICE_PREFIX = 'device\0'

/** A meter as the table takes it; undefined takes it away. */
export function storedMeter(device: string, port: string, meter: Meter | undefined): TableChange {
  const text = meter && JSON.stringify({ ...meter, upBase: String(meter.upBase), downBase: String(meter.downBase) })
  return { table: TABLE, key: `${PORT_PREFIX}${device}\0${port}`, value: (text && Buffer.from(text)) || undefined }
}

/** @throws SyntaxError when it is no meter */
export function readStored(value: Buffer): Meter {
  const stored = JSON.parse(value.toString()) as Meter & Record<'upBase' | 'downBase', unknown>
  return { ...stored, upBase: BigInt(String(stored.upBase)), downBase: BigInt(String(stored.downBase)) }
}
