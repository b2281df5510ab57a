import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'

/** The part of a misbehaving step that all three calls share. */
interface CommonStep {
  readonly delayMs?: number
  readonly status?: number
  readonly retryAfter?: number
  readonly hang?: boolean
  readonly garbage?: boolean
}

const noise = Buffer.from([0x00, 0xff, 0x7b, 0x5d, 0x0a, 0xc3, 0x28, 0x22, 0x3c, 0x68, 0x74, 0x6d, 0x6c, 0x3e])

/**
 * Plays the common part of a step.
 * @param signal aborts when the billing closes: whoever hangs is let go
 * @returns true when the step has dealt with the request
 */
export async function playStep(step: CommonStep, reply: FastifyReply, signal: AbortSignal): Promise<boolean> {
  if (step.delayMs !== undefined) await pause(step.delayMs, signal)
  if (step.hang === true) {
    await hangUntil(reply, signal)
    return true
  }
  if (step.garbage === true) {
    await reply.code(200).type('application/json').send(noise)
    return true
  }
  if (step.status === undefined) return false
  if (step.retryAfter !== undefined) reply.header('retry-after', step.retryAfter)
  await reply.code(step.status).send(step.status === 204 ? undefined : { error: 'misbehaving by script' })
  return true
}

/** Ends a connection at once, whatever was sent so far. */
export function cut(reply: FastifyReply): void {
  reply.hijack()
  reply.raw.socket?.destroy()
}

/** Waits until the response can take more, or its connection is gone, or the signal aborts. */
export function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      for (const event of ['drain', 'close'] as const) response.off(event, done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    for (const event of ['drain', 'close'] as const) response.on(event, done)
    signal.addEventListener('abort', done)
    if (signal.aborted || response.destroyed) done()
  })
}

/** Waits so long, or until the signal aborts. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}

async function hangUntil(reply: FastifyReply, signal: AbortSignal): Promise<void> {
  reply.hijack()
  const gone = new Promise<void>(resolve => reply.raw.once('close', resolve))
  const ended = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
  if (!signal.aborted) await Promise.race([gone, ended])
  reply.raw.socket?.destroy()
}
