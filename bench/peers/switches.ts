/*
 * node dist/bench/peers/switches.js <good> <hung> <ports>: simulated switches on loopback, those that answer first. Their
 * ports have names and 64-bit counters, which grow with each second. Prints their UDP ports as JSON, then `ready`.
 */
import { furnishSystem, Mib, SnmpSimulator } from '../../sandbox/snmp/index.js'

const [good = 0, hung = 0, ports = 48] = process.argv.slice(2).map(Number)
// A thousand switches that know the same take the memory of one.
const mib = new Mib()
const boxes = Array.from({ length: good + hung }, (_, n) => new SnmpSimulator({ mib, faults: { hang: n >= good } }))
if (boxes[0] !== undefined) furnishSystem(boxes[0], 'switch', 1_000_000)
for (let index = 1; index <= ports; index++)
  mib.put(`1.3.6.1.2.1.31.1.1.1.1.${index}`, { type: 'text', value: `ge-0/0/${index}` })
count(1)
setInterval(() => count(Date.now() / 1000), 1000)
const places = await Promise.all(boxes.map(box => box.listen()))
process.stdout.write(`${JSON.stringify(places)}\nready\n`)
process.once('SIGINT', () => process.exit(0))

function count(octets: number): void {
  for (let index = 1; index <= ports; index++)
    for (const column of [6, 10])
      mib.put(`1.3.6.1.2.1.31.1.1.1.${column}.${index}`, {
        type: 'counter64',
        value: 2n ** 40n + BigInt(Math.floor(octets)) * BigInt(index * column)
      })
}
