import type { EnforcementNotice } from '../../agent/model/index.js'
import type { BillingCloud } from '../../sandbox/billing/index.js'
import { durationWords, octetWords } from '../words.js'
import type { Stage } from './stage.js'
import { bold, say, step } from './voice.js'

const money = (micro: bigint): string => (Number(micro) / 1e6).toFixed(2)

/** The story in words, each said when it has happened. */
export const tell = {
  opening({ agent, subscribers, billingUrl, directory }: Stage): void {
    const { authentication, accounting } = agent.bound
    const ports = [...authentication, ...accounting].map(({ host, port }) => `${host}:${port}`).join(', ')
    say(`\n${bold('Turnpike')}: a small provider on this machine`)
    say(`  billing        ${billingUrl}`)
    say(`  agent          RADIUS on ${ports}; its log is ${directory}/agent.log`)
    say(
      `  virtual NAS    a MikroTik with ${subscribers.length} subscribers, on a line that doubles and swaps 1 datagram in 20\n`
    )
  },
  online(count: number, milliseconds: number): void {
    step(`${count} sessions are up after ${durationWords(milliseconds)}`)
  },
  usage(billing: BillingCloud): void {
    const { upOctets, downOctets, events } = billing.totals()
    step(`usage flows: billing has ${octetWords(upOctets + downOctets)} in ${events} events`)
  },
  suspended({ debtor, price }: Stage): void {
    step(`${bold(debtor)} has spent the prepaid money (${money(price)} a GB): billing suspends the subscription`)
  },
  proven({ way = 'nothing to do', proof, detail }: EnforcementNotice, milliseconds: number): void {
    step(`  proven ${bold(`${milliseconds} ms`)} after the decision, by ${way}, ${proof}: ${detail}`)
  },
  walled(debtor: string): void {
    step(`${debtor} dials again and meets the walled garden: only the pay page`)
  },
  paid(debtor: string): void {
    step(`${bold(debtor)} pays: billing restores the subscription`)
  },
  back(debtor: string): void {
    step(`${debtor} is back on the whole profile`)
  },
  count({ octetsSent, octetsAtBilling }: { octetsSent: number; octetsAtBilling: number }): void {
    step(
      `the NAS sent ${octetsSent} octets, billing has ${octetsAtBilling}: ${octetsSent === octetsAtBilling ? bold('equal') : bold('NOT EQUAL')}\n`
    )
  },
  figures({ nas, billing, agent }: Stage): void {
    const { upOctets, downOctets } = billing.totals()
    const online = nas.lines.filter(({ state }) => state === 'online').length
    step(
      `${online} online, ${octetWords(upOctets + downOctets)} at billing, ${agent.uplink?.status().backlog ?? 0} records on their way`
    )
  },
  handOver({ configFile, directory, authentication, subscribers }: Stage): void {
    const [first] = subscribers
    const turnpike = `npx turnpike -c ${configFile}`
    say('It goes on running. In another terminal:')
    say(`  ${turnpike} sessions`)
    say(`  ${turnpike} usage alice`)
    say(`  ${turnpike} suspend bob     (and: restore bob)`)
    say(`  ${turnpike} status`)
    say(
      `  echo ${first?.password} | npx turnpike radtest ${first?.userName} --server ${authentication.host}:${authentication.port} --secret file:${directory}/nas.secret`
    )
    say('Ctrl-C ends it and removes everything.\n')
  }
}
