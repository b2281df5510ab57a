import { createHash, randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { encodeLength, encodeSentence, SentenceReader } from '../../protocols/routeros/index.js'
import { befalls, type Faults } from './faults.js'
import { menus } from './menus.js'
import type { Row } from './query.js'
import { Refusal, type Tables } from './tables.js'

/** Somebody who may log in, and what they may do. */
export interface User {
  readonly name: string
  readonly password: string
  readonly policies: readonly ('api' | 'read' | 'write' | 'sensitive' | 'policy')[]
}

/** What a connection needs of its router. */
export interface RouterSide {
  readonly tables: Tables
  readonly users: readonly User[]
  readonly faults: Faults
  /** Before 6.43: a challenge answers every `/login`. */
  readonly legacyLogin: boolean
  /** 7.18 and later: `!empty` where a print finds nothing. */
  readonly saysEmpty: boolean
  /** Hears every command but logins. */
  heard(words: readonly string[]): void
}

interface Command {
  readonly name: string
  readonly attributes: Row
  readonly query: readonly string[]
  readonly tag: readonly string[]
  readonly cancelled: { yes: boolean }
}

/** Rows written at once, before others get their turn. */
const SLICE = 256

/** One connection to the simulated router: sentences in, answers out, several commands at a time by their tags. */
export class Wire {
  readonly #socket: Socket
  readonly #side: RouterSide
  readonly #reader = new SentenceReader()
  readonly #running = new Map<string, Command>()
  #user: User | undefined
  #challenge: Buffer | undefined

  constructor(socket: Socket, side: RouterSide) {
    this.#socket = socket
    this.#side = side
    socket.on('error', () => socket.destroy())
    if (side.faults.banner !== undefined) {
      socket.write(side.faults.banner)
      socket.resume()
    } else socket.on('data', (piece: Buffer) => this.#take(piece))
  }

  #take(piece: Buffer): void {
    try {
      for (const words of this.#reader.push(piece)) this.#command(readCommand(words), words)
    } catch {
      this.#fatal('bad sentence')
    }
  }

  #command(command: Command, words: readonly string[]): void {
    const { faults } = this.#side
    if (command.name !== '/login' && command.name !== '/cancel') this.#side.heard(words)
    if (befalls(faults.hang, command.name)) return
    if (command.name === '/cancel') return this.#cancel(command)
    if (faults.fatal !== undefined && befalls(faults.fatal[0], command.name)) return this.#fatal(faults.fatal[1])
    if (befalls(faults.half, command.name)) return this.#half(command)
    this.#running.set(command.tag.join(), command)
    const run = (): void => {
      this.#run(command)
        .catch((error: unknown) => this.#refuse(command, error))
        .finally(() => this.#running.delete(command.tag.join()))
    }
    if (faults.slow === undefined) run()
    else setTimeout(run, faults.slow)
  }

  async #run(command: Command): Promise<void> {
    const { faults } = this.#side
    if (command.name === '/login') return this.#logIn(command)
    if (this.#user === undefined) return this.#fatal('not logged in')
    if (faults.refuse !== undefined && befalls(faults.refuse[0], command.name))
      throw new Refusal(faults.refuse[1], faults.refuse[2])
    const at = command.name.lastIndexOf('/')
    const [path, verb] = [command.name.slice(0, at), command.name.slice(at + 1)]
    if (verb === 'print' || verb === 'getall') return this.#print(path, command)
    this.#demand('write')
    const more = menus[path]?.policy
    if (more !== undefined) this.#demand(more)
    const { '.id': id, ...rest } = command.attributes
    if (befalls(faults.lie, command.name)) return this.#done(command, verb === 'add' ? { ret: '*FFFF' } : {})
    switch (verb) {
      case 'add':
        return this.#done(command, { ret: this.#side.tables.add(path, rest) })
      case 'set':
        this.#side.tables.set(path, id, rest)
        return this.#done(command)
      case 'remove':
        for (const one of (id ?? '').split(',')) this.#side.tables.remove(path, one)
        return this.#done(command)
      default:
        throw new Refusal('no such command', 0)
    }
  }

  async #print(path: string, command: Command): Promise<void> {
    this.#demand('read')
    const rows = this.#side.tables.print(path, command.query)
    if (command.attributes['count-only'] !== undefined) return this.#done(command, { ret: String(rows.length) })
    const wanted = command.attributes['.proplist']?.split(',')
    const hidden = this.#user?.policies.includes('sensitive') === true ? [] : (menus[path]?.sensitive ?? [])
    if (rows.length === 0 && this.#side.saysEmpty) this.#say('!empty', command)
    this.#socket.cork()
    try {
      for (const [index, row] of rows.entries()) {
        if (command.cancelled.yes) throw new Refusal('interrupted', 2)
        if (this.#socket.destroyed) return
        const shown = Object.entries(row).filter(
          ([name]) => !hidden.includes(name) && (wanted === undefined || wanted.includes(name))
        )
        this.#say('!re', command, Object.fromEntries(shown))
        if (index % SLICE === SLICE - 1) await this.#breathe()
      }
    } finally {
      this.#socket.uncork()
    }
    this.#done(command)
  }

  /** Lets the peer read and the other commands run; a peer that does not read is waited for. */
  async #breathe(): Promise<void> {
    this.#socket.uncork()
    if (this.#socket.writableNeedDrain) await drained(this.#socket)
    else await new Promise(resolve => setImmediate(resolve))
    this.#socket.cork()
  }

  #logIn(command: Command): void {
    const { name, password, response } = command.attributes
    const { users, legacyLogin } = this.#side
    if (legacyLogin && response === undefined) {
      this.#challenge = randomBytes(16)
      return this.#done(command, { ret: this.#challenge.toString('hex') })
    }
    const user = users.find(user => user.name === name && this.#isRight(user, password, response))
    if (user === undefined) {
      throw legacyLogin ? new Refusal('cannot log in') : new Refusal('invalid user name or password (6)')
    }
    if (!user.policies.includes('api')) throw new Refusal('not permitted (9)')
    this.#user = user
    this.#done(command)
  }

  #isRight(user: User, password: string | undefined, response: string | undefined): boolean {
    if (!this.#side.legacyLogin) return user.password === password
    if (this.#challenge === undefined || response === undefined) return false
    const digest = createHash('md5').update('\0').update(user.password).update(this.#challenge).digest('hex')
    return response === `00${digest}`
  }

  #demand(policy: 'read' | 'write' | 'policy'): void {
    if (this.#user?.policies.includes(policy) !== true) throw new Refusal('not enough permissions (9)')
  }

  #cancel(command: Command): void {
    const { tag } = command.attributes
    for (const [other, running] of this.#running)
      if (tag === undefined || other === `.tag=${tag}`) running.cancelled.yes = true
    this.#done(command)
  }

  #half(command: Command): void {
    const row = encodeSentence(['!re', ...command.tag, '=name=core-1'])
    this.#socket.end(row.subarray(0, row.length - 4))
  }

  #refuse(command: Command, error: unknown): void {
    if (this.#socket.destroyed) return
    const { message, category } = error instanceof Refusal ? error : new Refusal('failure: internal error')
    this.#say('!trap', command, { ...(category !== undefined && { category: String(category) }), message })
    this.#done(command)
  }

  #done(command: Command, attributes: Row = {}): void {
    this.#say('!done', command, attributes)
  }

  #say(type: string, { tag }: Command, attributes: Row = {}): void {
    const words = Object.entries(attributes).map(([name, value]) => `=${name}=${value}`)
    this.#socket.write(encodeSentence([type, ...tag, ...words]))
  }

  #fatal(text: string): void {
    const words = ['!fatal', text].map(word =>
      Buffer.concat([encodeLength(Buffer.byteLength(word)), Buffer.from(word)])
    )
    this.#socket.end(Buffer.concat([...words, Buffer.from([0])]))
  }
}

function readCommand(words: readonly string[]): Command {
  const [name = '', ...rest] = words
  const attributes: Row = {}
  for (const word of rest) {
    if (!word.startsWith('=')) continue
    const split = word.indexOf('=', 1)
    attributes[word.slice(1, split === -1 ? undefined : split)] = split === -1 ? '' : word.slice(split + 1)
  }
  return {
    name,
    attributes,
    query: rest.filter(word => word.startsWith('?')),
    tag: rest.filter(word => word.startsWith('.tag=')),
    cancelled: { yes: false }
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    const end = (): void => {
      socket.off('drain', end).off('close', end)
      resolve()
    }
    socket.on('drain', end).on('close', end)
  })
}
