import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Milliseconds } from '../model/index.js'
import { closeSynthetically } from './fold.js'
import type { NasSessions } from './nas-sessions.js'
import type { Change, Writer } from './writer.js'

const CHUNK = 250
const CHUNKS_WAITING = 16

/**
 * Closes what a NAS's restart doomed, some hundred sessions a turn of the event loop, so that packets of all NASes go
 * on being answered. Asked again meanwhile, it gives the same promise.
 * @returns settles when the last of them is closed durably; rejects when the ledger failed: call it again
 */
export function closeDoomed(nas: NasSessions, writer: Writer, time: Milliseconds): Promise<void> {
  if (!nas.unfinished) return writer.settled()
  nas.closing ??= walk(nas, writer, time).finally(() => {
    nas.closing = undefined
  })
  return nas.closing
}

async function walk(nas: NasSessions, writer: Writer, time: Milliseconds): Promise<void> {
  const { boot } = nas
  let waiting: Promise<void>[] = []
  let chunk: Change[] = []
  for (const slot of nas.byAcctSessionId) {
    if (!nas.isDoomed(slot)) continue
    chunk.push({ slot, folded: closeSynthetically(slot.session, 'nas-restart') })
    if (chunk.length < CHUNK) continue
    waiting.push(writer.changeAll(chunk, time))
    chunk = []
    await nextTurn()
    if (waiting.length < CHUNKS_WAITING) continue
    await Promise.all(waiting)
    waiting = []
  }
  if (chunk.length > 0) waiting.push(writer.changeAll(chunk, time))
  await Promise.all(waiting)
  await writer.settled()
  // Another restart meanwhile doomed more; the loop may have passed them already.
  if (nas.boot === boot) nas.unfinished = false
  else await walk(nas, writer, time)
}
