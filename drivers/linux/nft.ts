import { DriverError, isRecord } from '../../agent/model/index.js'
import { firstLine, type Run } from './run.js'
import type { Json } from './skeleton.js'

/**
 * Everything in one of our tables.
 * @returns undefined when the box has no such table
 * @throws DriverError `PROTOCOL` when the answer is not nft's JSON
 */
export async function listTable(run: Run, name: string, signal: AbortSignal): Promise<readonly Json[] | undefined> {
  const { status, stdout, stderr } = await run('nft', ['-j', 'list', 'table', 'inet', name], signal)
  if (status === 0) return parse(stdout)
  if (/no such file or directory/i.test(stderr)) return undefined
  throw new DriverError('PROTOCOL', `nft cannot list the table ${name}: ${firstLine(stderr)}`)
}

/**
 * All commands or none.
 * @throws DriverError `REJECTED` in the kernel's words
 */
export async function apply(run: Run, commands: readonly Json[] | string, signal: AbortSignal): Promise<void> {
  const { status, stderr } =
    typeof commands === 'string'
      ? await run('nft', ['-f', '-'], signal, commands)
      : await run('nft', ['-j', '-f', '-'], signal, JSON.stringify({ nftables: commands }))
  if (status !== 0) throw new DriverError('REJECTED', `nftables refused the change: ${firstLine(stderr)}`)
}

function parse(stdout: string): readonly Json[] {
  let found: unknown
  try {
    found = JSON.parse(stdout)
  } catch (cause) {
    throw notNft(cause)
  }
  const list = isRecord(found) ? found['nftables'] : undefined
  if (!Array.isArray(list) || !list.every(isRecord)) throw notNft()
  return list
}

function notNft(cause?: unknown): DriverError {
  return new DriverError('PROTOCOL', 'What the program nft wrote is not its JSON. Is it nftables 1.0 or later?', {
    cause
  })
}
