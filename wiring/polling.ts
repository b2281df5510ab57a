import { Poller } from '../agent/poller/index.js'
import type { Base } from './base.js'
import { deviceDriver } from './drivers.js'
import type { State } from './state.js'

/** Asks the devices that billing names for their counters and health, from now on. @throws LedgerError */
export async function startPolling(base: Base, state: State): Promise<Poller> {
  const { config, clock, log, closers } = base
  const { ledger, replica, sessions, nases } = state
  const { interval, deadline, atOnce } = config.polling
  const poller = new Poller({
    ledger,
    replica,
    sessions,
    driverFor: device => deviceDriver(device, base),
    // Where a NAS names the device as its own, enforcement finds the driver by the NAS.
    nasOf: device => nases.all().find(nas => nas.device === device)?.id ?? device,
    schedule: { interval, deadline },
    lanes: { quick: atOnce },
    clock,
    log
  })
  closers.add(() => poller.close())
  await poller.start()
  return poller
}
