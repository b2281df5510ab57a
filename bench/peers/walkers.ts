import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'
import { createSession, Version2c } from 'net-snmp'
import { snmp } from '../../drivers/snmp/index.js'

/* Three ways to read name and both counters of every port of a switch. */

/** How a way did over all switches. */
export interface Walked {
  readonly rowsPerSecond: number
  /** CPU of this process, microseconds a row. */
  readonly cpuMicroseconds: number
}

const AT_ONCE = 64
const COLUMNS = ['1.3.6.1.2.1.31.1.1.1.1', '1.3.6.1.2.1.31.1.1.1.6', '1.3.6.1.2.1.31.1.1.1.10']
const REPETITIONS = 18

interface NativeSession {
  getSubtree(options: { oid: string }, done: (error: Error | null, varbinds: readonly unknown[]) => void): void
  close(): void
}
const native = createRequire(import.meta.url)('snmp-native') as {
  readonly Session: new (options: object) => NativeSession
}

/** Each way by its name: reads one switch. @returns how many rows it had */
export const ways: Readonly<Record<'turnpike' | 'net-snmp' | 'snmp-native', (port: number) => Promise<number>>> = {
  turnpike: async port => {
    const device = { id: 'sw', driver: 'snmp', address: `127.0.0.1:${port}`, options: { allowLocal: true } }
    const driver = snmp({ device, credential: () => 'public', clock: Date.now })
    let rows = 0
    for await (const _ of driver.readCounters(new AbortController().signal)) rows++
    await driver.close()
    return rows
  },
  'net-snmp': async port => {
    const session = createSession('127.0.0.1', 'public', { port, version: Version2c })
    let cells = 0
    for (const column of COLUMNS)
      await new Promise<void>((resolve, reject) => {
        const feed = (varbinds: readonly unknown[]): void => {
          cells += varbinds.length
        }
        session.subtree(column, REPETITIONS, feed, error => (error ? reject(error) : resolve()))
      })
    session.close()
    return cells / COLUMNS.length
  },
  'snmp-native': async port => {
    const session = new native.Session({ host: '127.0.0.1', port, community: 'public' })
    let cells = 0
    for (const oid of COLUMNS)
      cells += await new Promise<number>((resolve, reject) =>
        session.getSubtree({ oid: `.${oid}` }, (error, varbinds) =>
          error === null ? resolve(varbinds.length) : reject(error)
        )
      )
    session.close()
    return cells / COLUMNS.length
  }
}

/** Reads all switches one way, 64 at once. @throws Error when rows are missing */
export async function walk(
  way: (port: number) => Promise<number>,
  places: readonly number[],
  rows: number
): Promise<Walked> {
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  const waiting = [...places]
  let read = 0
  const lane = async (): Promise<void> => {
    for (let port = waiting.pop(); port !== undefined; port = waiting.pop()) {
      const had = await way(port)
      read += had
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  if (read !== places.length * rows) throw new Error(`${read} rows were read, not ${places.length * rows}`)
  const { user, system } = process.cpuUsage(cpu)
  return { rowsPerSecond: (read * 1000) / (performance.now() - began), cpuMicroseconds: (user + system) / read }
}
