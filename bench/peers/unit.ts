import { readFileSync } from 'node:fs'

const unit = new URL('../../../systemd/turnpike.service', import.meta.url)

/** What systemd sets for the agent: whoever measures it sets the same. */
export function unitEnvironment(): Record<string, string> {
  const set = readFileSync(unit, 'utf8').matchAll(/^Environment=(\w+)=(.*)$/gm)
  return Object.fromEntries([...set].map(([, name = '', value = '']) => [name, value]))
}
