import type { Command } from 'commander'
import type { Finding } from '../checks/finding.js'
import { exit } from '../errors.js'
import { Invocation } from '../invocation.js'
import { printable } from '../words.js'

/** `turnpike check` */
export function checkCommand(program: Command): void {
  program
    .command('check')
    .description('look at everything that the agent needs: each line is ok, or says what to do')
    .action(async (_options: object, command: Command) => {
      const { check } = await import('../checks/index.js')
      const invocation = new Invocation(command)
      const findings = await check(invocation)
      invocation.answer({ ok: findings.every(finding => finding.ok), findings }, ({ findings: all }) =>
        findingWords(all)
      )
      if (findings.some(finding => !finding.ok)) process.exitCode = exit.no
    })
}

function findingWords(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length))
  const lines = findings.map(
    ({ ok, subject, words }) => `${ok ? 'ok ' : 'fix'} ${subject.padEnd(width)}  ${printable(words)}\n`
  )
  return lines.join('')
}
