import type { Device, DocumentKind, Documents, Nas, Profile, Subscriber } from '../model/index.js'
import { Claims } from './claims.js'
import { same } from './same.js'

/** One document that is to be, or became, different; `document` undefined: removed. */
export interface Change {
  readonly kind: DocumentKind
  readonly id: string
  readonly document: Documents[DocumentKind] | undefined
}

/** One name that two subscribers claim; `kept` has it now. */
export interface Contest {
  readonly name: 'username' | 'mac'
  readonly value: string
  readonly kept: string
  readonly lost: string
}

/** Kinds in the order in which they are stored and told: what subscribers refer to comes first. */
export const kinds = ['profile', 'device', 'nas', 'subscriber'] as const satisfies readonly DocumentKind[]

const NONE: readonly Contest[] = []

/** The documents in memory, with the ways to find a subscriber. Not durable by itself. */
export class DocumentSet {
  readonly subscriber = new Map<string, Subscriber>()
  readonly profile = new Map<string, Profile>()
  readonly nas = new Map<string, Nas>()
  readonly device = new Map<string, Device>()
  readonly #open = (id: string): boolean => this.subscriber.get(id)?.status !== 'closed'
  readonly userNames = new Claims(this.#open)
  readonly macs = new Claims(this.#open)

  /** Whether any name is claimed by several. */
  get isContested(): boolean {
    return this.userNames.isContested || this.macs.isContested
  }

  get(kind: DocumentKind, id: string): Documents[DocumentKind] | undefined {
    return this[kind].get(id)
  }

  /** Whether `change` would change anything. */
  differs(change: Change): boolean {
    const present = this.get(change.kind, change.id)
    return present !== change.document && !same(present, change.document)
  }

  /** @returns names that another subscriber had */
  put(change: Change): readonly Contest[] {
    if (change.kind === 'subscriber') return this.#putSubscriber(change.id, change.document as Subscriber | undefined)
    const map = this[change.kind] as Map<string, Documents[DocumentKind]>
    if (change.document === undefined) map.delete(change.id)
    else map.set(change.id, change.document)
    return NONE
  }

  #putSubscriber(id: string, next: Subscriber | undefined): readonly Contest[] {
    const last = this.subscriber.get(id)
    if (next === undefined) this.subscriber.delete(id)
    else this.subscriber.set(id, next)
    if (last !== undefined) this.#release(last, next)
    return next === undefined ? NONE : this.#claim(next)
  }

  #release(last: Subscriber, next: Subscriber | undefined): void {
    if (last.username !== next?.username) this.userNames.release(last.username, last.id)
    const stays = next?.credentials?.macs ?? []
    for (const mac of last.credentials?.macs ?? []) if (!stays.includes(mac)) this.macs.release(mac, last.id)
  }

  #claim(next: Subscriber): readonly Contest[] {
    const { id, username } = next
    const lost = this.userNames.claim(username, id)
    const macs = next.credentials?.macs
    if (lost === undefined && macs === undefined) return NONE
    const contests: Contest[] = []
    if (lost !== undefined) contests.push({ name: 'username', value: username, kept: id, lost })
    for (const mac of macs ?? []) {
      const other = this.macs.claim(mac, id)
      if (other !== undefined) contests.push({ name: 'mac', value: mac, kept: id, lost: other })
    }
    return contests
  }
}
