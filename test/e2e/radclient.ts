import { execFile, execFileSync } from 'node:child_process'

const CI = process.env['CI'] === 'true'

function absent(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' })
    return false
  } catch {
    return true
  }
}

/** Undefined, or why a test with Debian's radclient is skipped. With CI set its absence is a failure instead. */
export const withoutRadclient =
  CI || !absent('radclient') ? undefined : 'needs radclient (apt-get install freeradius-utils)'

/** Sends one request by Debian's radclient. @returns what it printed; an unanswered one says so there */
export function radclient(
  port: number,
  kind: 'auth' | 'acct' | 'status',
  secret: string,
  attributes: string
): Promise<string> {
  return new Promise(resolve => {
    const child = execFile(
      'radclient',
      ['-x', '-t', '1', '-r', '2', `127.0.0.1:${port}`, kind, secret],
      (_error, out, err) => resolve(out + err)
    )
    child.stdin?.end(attributes)
  })
}
