import { logsIn, type Subscriber } from '../model/index.js'

/** Which subscriber is behind which port, by `Subscriber.devices`. Kept up to date a document at a time. */
export class Owners {
  /** device → port → subscribers. */
  readonly #ports = new Map<string, Map<string, Set<string>>>()
  readonly #named = new Map<string, Subscriber['devices']>()

  constructor(subscribers: Iterable<Subscriber>) {
    for (const subscriber of subscribers) this.put(subscriber.id, subscriber)
  }

  /** Takes a document that is new or changed; undefined: removed. @returns devices that it names, or named */
  put(id: string, subscriber: Subscriber | undefined): ReadonlySet<string> {
    const touched = new Set<string>()
    for (const { device, port } of this.#named.get(id) ?? []) {
      touched.add(device)
      this.#drop(device, port, id)
    }
    this.#named.delete(id)
    if (subscriber === undefined || !isCounted(subscriber)) return touched
    this.#named.set(id, subscriber.devices)
    for (const { device, port } of subscriber.devices ?? []) {
      touched.add(device)
      const ports = this.#ports.get(device) ?? new Map<string, Set<string>>()
      this.#ports.set(device, ports.set(port, (ports.get(port) ?? new Set()).add(id)))
    }
    return touched
  }

  /** The subscriber to whom a port belongs; undefined where nobody does, or several do: then nothing tells who used it. */
  of(device: string, port: string): string | undefined {
    const owners = this.#ports.get(device)?.get(port)
    if (owners?.size !== 1) return undefined
    const [owner] = owners
    return owner
  }

  /** Ports that more than one subscriber has. */
  contested(device: string): string[] {
    return [...(this.#ports.get(device) ?? [])].filter(([, owners]) => owners.size > 1).map(([port]) => port)
  }

  /** Ports of the device that belong to one subscriber each. */
  portsOf(device: string): string[] {
    return [...(this.#ports.get(device) ?? [])].filter(([, owners]) => owners.size === 1).map(([port]) => port)
  }

  /** Whether anybody is behind a port of the device. */
  has(device: string): boolean {
    return this.#ports.has(device)
  }

  #drop(device: string, port: string, id: string): void {
    const ports = this.#ports.get(device)
    const owners = ports?.get(port)
    owners?.delete(id)
    if (owners?.size === 0) ports?.delete(port)
    if (ports?.size === 0) this.#ports.delete(device)
  }
}

/** Whoever logs in by RADIUS is counted by RADIUS, and whoever left by nobody. */
function isCounted(subscriber: Subscriber): boolean {
  return subscriber.status !== 'closed' && !logsIn(subscriber) && (subscriber.devices?.length ?? 0) > 0
}
