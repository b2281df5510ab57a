import { DriverError } from './driver.js'

/** One after the other, in the order in which they asked. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** @throws DriverError `TIMEOUT` when the signal comes before the turn */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last
    const mine = before.then(() => {
      if (signal.aborted) throw givenUp()
      return work()
    })
    this.#last = mine.catch(() => undefined)
    let stop = () => {}
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(givenUp())
    })
    // Once the work runs it knows the signal itself, and ends what it has begun.
    void before.then(() => signal.removeEventListener('abort', stop))
    signal.addEventListener('abort', stop, { once: true })
    return Promise.race([mine, aborted])
  }
}

function givenUp(): DriverError {
  return new DriverError('TIMEOUT', 'It was given up while others before it were at work.')
}
