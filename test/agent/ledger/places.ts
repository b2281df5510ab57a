import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLedger } from '../../../agent/ledger/index.js'
import type { LedgerOptions, LevelLedger, Store } from '../../../agent/ledger/index.js'
import type { Place, Tap } from './suite.js'

/** A directory that goes away with the test. */
export function temporary(t: Tap): string {
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-ledger-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A ledger on LevelDB with no reserve, closed with the test. */
export async function openAt(t: Tap, directory: string, options: Partial<LedgerOptions> = {}): Promise<LevelLedger> {
  const ledger = await openLedger({ directory, reserveOctets: 0, lowWaterOctets: 0, ...options })
  t.teardown(() => ledger.close())
  return ledger
}

/** A place of the LevelDB engine. */
export function levelPlace(t: Tap): Place {
  const directory = temporary(t)
  return { open: octets => openLedger({ directory, reserveOctets: 0, ...octets }) }
}

/** A store that does some things its own way. */
export function overriding(store: Store, own: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name): unknown => {
      const value: unknown = Reflect.get(own, name) ?? Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    }
  })
}
