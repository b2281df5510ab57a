import { DriverError, isRecord } from '../../agent/model/index.js'
import { type HttpAnswer, HttpClient, type HttpTarget, jsonOf } from '../http.js'
import { type Fault, readFaults } from './faults.js'
import type { Tree } from './parameters.js'

/** What a task asks of a CPE, in GenieACS's words. */
export type Task =
  | { readonly name: 'setParameterValues'; readonly parameterValues: readonly (readonly [string, Value, string])[] }
  | { readonly name: 'getParameterValues'; readonly parameterNames: readonly string[] }
  | { readonly name: 'refreshObject'; readonly objectName: string }
  | { readonly name: 'reboot' }

export type Value = string | number | boolean

/**
 * What became of a task. `done`: the CPE carried it out (status 200). `queued`: GenieACS keeps it until the CPE's next
 * inform (202); `why` is its reason. `faulted`: the CPE refused it (202 too, with a fault beside it).
 */
export type TaskResult =
  | { readonly state: 'done' }
  | { readonly state: 'queued'; readonly task: string; readonly why: string }
  | { readonly state: 'faulted'; readonly task: string; readonly fault: Fault }

/** A device as GenieACS keeps it. */
export interface DeviceRecord {
  readonly id: string
  readonly tree: Tree
}

const WHO = 'the NBI of GenieACS'
const MOST_FAULTS = 100

/** The northbound interface of GenieACS. https://docs.genieacs.com/en/latest/api-reference.html */
export class Nbi {
  readonly #http: HttpClient
  readonly #authorization: () => string | undefined

  /** @param authorization  the header that a proxy in front of the NBI wants; the NBI itself has no login */
  constructor(target: HttpTarget, authorization: () => string | undefined) {
    this.#http = new HttpClient(target)
    this.#authorization = authorization
  }

  /**
   * Devices that a MongoDB query finds.
   * @param projection  paths to read; whole devices are hundreds of kilobytes
   */
  async devices(
    query: object,
    projection: readonly string[],
    most: number,
    signal: AbortSignal
  ): Promise<DeviceRecord[]> {
    const search = new URLSearchParams({
      query: JSON.stringify(query),
      projection: ['_id', '_lastInform', ...projection].join(','),
      limit: String(most)
    })
    const found = await this.#list(`devices/?${search.toString()}`, signal)
    return found.flatMap(one =>
      isRecord(one) && typeof one['_id'] === 'string' ? [{ id: one['_id'], tree: one }] : []
    )
  }

  /** Faults that stand for a device. */
  async faults(device: string, signal: AbortSignal): Promise<Fault[]> {
    const search = new URLSearchParams({ query: JSON.stringify({ device }), limit: String(MOST_FAULTS) })
    return readFaults(await this.#list(`faults/?${search.toString()}`, signal))
  }

  /**
   * Gives a CPE a task and calls it, so that it is done now if the CPE is there.
   * @throws DriverError `NO_SUCH_SESSION` when GenieACS does not know the device, and those of {@link HttpClient.ask}
   */
  async task(device: string, task: Task, signal: AbortSignal): Promise<TaskResult> {
    const path = `devices/${encode(device)}/tasks?connection_request`
    const answer = await this.#ask('POST', path, signal, JSON.stringify(task))
    const { status, reason } = answer
    if (status === 200) return { state: 'done' }
    if (status !== 202) throw refusal(answer, `the task ${task.name}`)
    const kept = jsonOf(answer, WHO)
    const id = isRecord(kept) && typeof kept['_id'] === 'string' ? kept['_id'] : undefined
    if (id === undefined) throw new DriverError('PROTOCOL', `${WHO} queued a task without saying its id.`)
    const fault = (await this.faults(device, signal)).find(({ channel }) => channel === `task_${id}`)
    return fault === undefined ? { state: 'queued', task: id, why: reason } : { state: 'faulted', task: id, fault }
  }

  /** Takes a task back that was not done yet, and its fault with it. */
  async drop(task: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#ask('DELETE', `tasks/${encode(task)}`, signal)
    if (answer.status !== 200 && answer.status !== 404) throw refusal(answer, 'to take the task back')
  }

  /** Calls a CPE without a task. @returns whether it came; GenieACS' words if not */
  async call(device: string, signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.#ask('POST', `devices/${encode(device)}/tasks?connection_request`, signal)
    if (answer.status === 200) return undefined
    if (answer.status === 504) return answer.reason
    throw refusal(answer, 'to call the device')
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  async #list(path: string, signal: AbortSignal): Promise<unknown[]> {
    const answer = await this.#ask('GET', path, signal)
    if (answer.status !== 200) throw refusal(answer, 'the query')
    const list = jsonOf(answer, WHO)
    if (Array.isArray(list)) return list
    throw new DriverError(
      'PROTOCOL',
      `What answers there is not ${WHO}: a query gave no list. Check address and port (7557).`
    )
  }

  async #ask(method: 'GET' | 'POST' | 'DELETE', path: string, signal: AbortSignal, body?: string): Promise<HttpAnswer> {
    const authorization = this.#authorization()
    const answer = await this.#http.ask({
      method,
      path,
      signal,
      ...(body !== undefined && { body }),
      ...(authorization !== undefined && { headers: { authorization } })
    })
    if (answer.status !== 401 && answer.status !== 403) return answer
    const words = 'The proxy in front of GenieACS refused our credential. Compare it with what the proxy wants.'
    throw new DriverError('AUTH', words, { deviceCode: answer.status })
  }
}

/** GenieACS takes letters, digits, `-`, `_` and `%` in a path, nothing else. */
function encode(id: string): string {
  return encodeURIComponent(id).replace(/[.!~*'()]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** The body is not told: it may repeat what we sent. */
function refusal({ status, text }: HttpAnswer, what: string): DriverError {
  const options = { deviceCode: status }
  if (status === 404 && text.startsWith('No such device'))
    return new DriverError('NO_SUCH_SESSION', 'GenieACS does not know the device. Has it ever informed?', options)
  if (status === 404)
    return new DriverError(
      'PROTOCOL',
      `What answers there is not ${WHO}: it does not know the path. Is the port 7557?`,
      options
    )
  if (status >= 500)
    return new DriverError(
      'UNREACHABLE',
      `GenieACS failed at ${what} (${status}). Look at its log, and whether MongoDB runs.`,
      options
    )
  return new DriverError('REJECTED', `GenieACS refused ${what} (${status}).`, options)
}
