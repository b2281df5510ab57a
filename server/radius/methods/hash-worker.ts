import { parentPort } from 'node:worker_threads'
import { checkSalted } from './salted.js'

/** A password to check, and what it is checked against. */
export interface HashTask {
  readonly id: number
  readonly stored: string
  readonly password: Uint8Array
}

/** What came of it; `right` is undefined where the stored form cannot be read. */
export interface HashResult {
  readonly id: number
  readonly right: boolean | undefined
}

const port = parentPort

port?.on('message', ({ id, stored, password }: HashTask) => {
  const result: HashResult = { id, right: checkSalted(stored, Buffer.from(password)) }
  port.postMessage(result) // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread, no window
})
