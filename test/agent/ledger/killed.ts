import { writeSync } from 'node:fs'
import { openLedger } from '../../../agent/ledger/index.js'

/*
 * The victim of the kill test: appends without end and prints the last sequence of each group that is durable.
 * Each payload begins with the record's sequence.
 */
const ledger = await openLedger({ directory: process.argv[2] ?? '', reserveOctets: 0 })

for (;;) {
  const waiting: Promise<void>[] = []
  for (let batch = 0; batch < 4; batch++) {
    const from = ledger.next
    const batched = Array.from({ length: 25 }, (_, index) => {
      const payload = Buffer.alloc(300, index)
      payload.writeUInt32BE(from + index)
      return { kind: 1, time: from, payload } as const
    })
    const { first, durable } = ledger.append(batched)
    waiting.push(durable.then(() => void writeSync(1, `${first + 24}\n`)))
    // Some groups hold a change of a table too.
    if (batch === 2) waiting.push(ledger.write([{ table: 't', key: 'next', value: Buffer.from(String(first)) }]))
    await new Promise(resolve => setImmediate(resolve))
  }
  await waiting[0]
}
