import type { Command } from 'commander'
import type { wire } from '../../server/http/index.js'
import { Invocation } from '../invocation.js'
import { type Column, table } from '../table.js'
import { countWords, durationWords, printable, timeWords } from '../words.js'

type Device = wire.DeviceList['devices'][number]

/** `turnpike devices` */
export function devicesCommand(program: Command): void {
  program
    .command('devices')
    .description('the devices that are asked for counters and health')
    .action(async (_options: object, command: Command) => {
      const invocation = new Invocation(command)
      invocation.answer(await invocation.ask(agent => agent.get<wire.DeviceList>('/v1/devices')), deviceWords)
    })
}

const columns: readonly Column<Device>[] = [
  { title: 'DEVICE', value: ({ device }) => device },
  { title: 'DRIVER', value: ({ driver }) => driver },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'BILLED', value: ({ counted }) => String(counted), right: true },
  { title: 'NOBODY', value: ({ unclaimed }) => String(unclaimed.count), right: true },
  { title: 'ASKED', value: ({ at }) => (at === undefined ? '' : timeWords(at)) },
  { title: 'TOOK', value: ({ at, tookMs }) => (at === undefined ? '' : durationWords(tookMs)), right: true },
  { title: 'DETAIL', value: ({ detail }) => detail }
]

function deviceWords({ devices }: wire.DeviceList): string {
  const problems = devices.flatMap(({ device, problems }) =>
    problems.map(words => `! ${printable(`${device}, port ${words}`)}\n`)
  )
  return `${table(devices, columns)}${problems.join('')}${countWords(devices.length, 'device')}\n`
}
