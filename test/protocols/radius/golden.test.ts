import t from 'tap'
import { loadDictionary } from '../../../config/dictionary/index.js'
import {
  codeName,
  isRequest,
  type Malformed,
  Packet,
  printPair,
  Secret,
  verifyRequest,
  verifyResponse
} from '../../../protocols/radius/index.js'
import { goldenFiles, octetsOf, readGolden, type Step } from './golden.js'

const dictionary = loadDictionary()

/** Walks through a golden file: remembers what was decoded last and the request that a response may answer. */
class Walk {
  #secret = new Secret('none')
  #last: Packet | Malformed | undefined
  #request: Packet | undefined
  #bare = false

  take(step: Step, t: Tap): void {
    const checks: Record<string, () => void> = {
      secret: () => void (this.#secret = new Secret(step.rest)),
      decode: () => this.#decode(Packet.decode(octetsOf(step)), false),
      attributes: () => this.#decode(Packet.fromAttributes(octetsOf(step)), true),
      match: () => t.equal(this.#text(), step.rest, step.title),
      error: () => t.equal(this.#last, step.rest, step.title),
      authentic: () => t.equal(this.#fault(), undefined, step.title),
      forged: () => t.equal(this.#fault(), step.rest, step.title)
    }
    const check = checks[step.verb]
    if (check === undefined) t.fail(`${step.where}: ${step.verb} is not a step`)
    else check()
  }

  #decode(packet: Packet | Malformed, bare: boolean): void {
    this.#last = packet
    this.#bare = bare
    if (packet instanceof Packet && isRequest(packet.code)) this.#request = packet
  }

  #text(): string {
    if (!(this.#last instanceof Packet)) return String(this.#last)
    const pairs = dictionary.decode(this.#last).map(printPair)
    return (this.#bare ? pairs : [codeName(this.#last.code), ...pairs]).join(', ')
  }

  #fault(): string | undefined {
    if (!(this.#last instanceof Packet)) return String(this.#last)
    if (isRequest(this.#last.code)) return verifyRequest(this.#last, this.#secret)
    if (this.#request?.identifier !== this.#last.identifier) return 'no request to answer'
    return verifyResponse(this.#last, this.#request.authenticator, this.#secret)
  }
}

type Tap = Pick<typeof t, 'equal' | 'fail'>

for (const file of goldenFiles()) {
  t.test(`${file} says what its packets mean`, async t => {
    const walk = new Walk()
    for (const step of readGolden(file)) walk.take(step, t)
  })
}
