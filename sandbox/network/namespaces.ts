import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'

/** What the machine lacks for networks of its own. */
export interface Lack {
  readonly words: string
  /** A program is absent: it can be installed. Otherwise the kernel does not permit it, or not to us. */
  readonly absent: boolean
}

/** What the machine lacks for networks of its own; undefined when it has everything. */
export function lacking(): Lack | undefined {
  const program = ['nft', 'ip', 'tc'].find(name => !runs(name, name === 'nft' ? '--version' : '-V'))
  if (program !== undefined) return { words: `needs ${program} (apt-get install nftables iproute2)`, absent: true }
  if (process.getuid?.() !== 0) return { words: 'needs root: only root may make network namespaces', absent: false }
  const name = `turnpike-${process.pid}-try`
  try {
    ip('netns', 'add', name)
    forward(name)
    within(name, 'nft', 'add table inet x; add chain inet x n { type nat hook prerouting priority -100; }')
    within(name, 'ip', 'link', 'add', 'name', 'try0', 'type', 'veth')
    within(name, 'tc', 'qdisc', 'add', 'dev', 'try0', 'root', 'handle', '1:', 'htb')
    return undefined
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? error).trim()
    return { words: `the kernel permits no namespace with nftables, NAT and HTB: ${said.slice(0, 120)}`, absent: false }
  } finally {
    drop(name)
  }
}

function runs(program: string, flag: string): boolean {
  try {
    execFileSync(program, [flag], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Runs `ip`; its words are in the error. */
export function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Runs a program in a namespace to its end. */
export function within(netns: string, ...command: string[]): string {
  return ip('netns', 'exec', netns, ...command)
}

/** Lets a namespace route. */
export function forward(netns: string): void {
  for (const path of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'])
    within(netns, 'sh', '-c', `echo 1 > /proc/sys/net/${path}`)
}

/** Removes a namespace; one that is not there is no failure. */
export function drop(name: string): void {
  try {
    ip('netns', 'del', name)
  } catch {
    // it was never made
  }
}

/** Namespaces that go with this process, however it ends. */
export class Namespaces {
  readonly #reaper: ChildProcess

  private constructor(names: readonly string[]) {
    // In a process group of its own, so that Ctrl-C does not reach it: it ends when our end of the pipe does.
    this.#reaper = spawn('sh', ['-c', 'cat; for name; do ip netns del "$name"; done', 'sh', ...names], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore']
    })
  }

  /** Makes namespaces, each with its loopback up. @throws with the words of `ip`; none is left then */
  static async make(names: readonly string[]): Promise<Namespaces> {
    const made = new Namespaces(names)
    try {
      for (const name of names) {
        ip('netns', 'add', name)
        within(name, 'ip', 'link', 'set', 'lo', 'up')
      }
      return made
    } catch (error) {
      await made.close()
      throw error
    }
  }

  /** Removes them all. */
  async close(): Promise<void> {
    if (this.#reaper.exitCode !== null) return
    const gone = once(this.#reaper, 'exit')
    this.#reaper.stdin?.end()
    await gone
  }
}
