import { isRecord } from '../../agent/model/index.js'

/** A task that a CPE refused, as GenieACS keeps it. */
export interface Fault {
  /** `task_<id>` of the task that failed; `default` for others. */
  readonly channel: string
  /** `cwmp.9007` and the like, or GenieACS' own: `session_terminated`, `timeout`. */
  readonly code: string
  readonly message: string
  /** Parameters that the CPE named as the cause, with their own code. */
  readonly parameters: readonly { readonly name: string; readonly code: string }[]
}

/** TR-069 Amendment 6, table 67, and the errors of GenieACS. */
const meanings: Readonly<Record<string, string>> = {
  '9000': 'The CPE does not know the method.',
  '9001': 'The CPE denies the request; its firmware may lock the parameter.',
  '9002': 'The CPE had an internal error. Try again, or reboot it.',
  '9003': 'The CPE does not understand the arguments.',
  '9004': 'The CPE has no resources left for it.',
  '9005': 'The CPE has no parameter of that name: its model is another one. Look at its tree in GenieACS.',
  '9006': 'The CPE wants another type for the parameter.',
  '9007': 'The CPE does not take that value.',
  '9008': 'The parameter cannot be written.',
  '9009': 'The CPE refuses to notify about the parameter.',
  session_terminated: 'The CPE broke the session off.',
  timeout: 'The CPE stopped answering during the session.',
  too_many_rpcs: 'The session took too many steps: a provision of GenieACS may run in circles.',
  too_many_cycles: 'The session took too many steps: a provision of GenieACS may run in circles.'
}

/** Reads what a query for faults gave; what is not a fault is left out. */
export function readFaults(list: readonly unknown[]): Fault[] {
  return list.filter(isRecord).map(({ channel, code, message, detail }) => ({
    channel: textOf(channel),
    code: textOf(code),
    message: textOf(message),
    parameters: parametersOf(detail)
  }))
}

/**
 * A fault as a sentence with what to do.
 * @param hide  what must not be repeated, even if the CPE does
 */
export function faultWords({ code, message, parameters }: Fault, hide: readonly string[] = []): string {
  const number = /(\d{4})$/.exec(code)?.[1] ?? code
  const blamed = parameters.map(({ name, code }) => `${name}: ${meanings[code] ?? code}`).join(' ')
  const said = [meanings[number] ?? '', `It said: ${code} ${message}.`, blamed].filter(text => text !== '').join(' ')
  return hide.reduce((text, secret) => (secret === '' ? text : text.replaceAll(secret, '…')), said)
}

/** The CPE's own number, if there is one. */
export function faultNumber({ code }: Fault): number | undefined {
  const number = /^cwmp\.(\d{4})$/.exec(code)?.[1]
  return number === undefined ? undefined : Number(number)
}

function parametersOf(detail: unknown): Fault['parameters'] {
  const list = isRecord(detail) ? detail['setParameterValuesFault'] : undefined
  if (!Array.isArray(list)) return []
  return list
    .filter(isRecord)
    .slice(0, 10)
    .map(({ parameterName, faultCode }) => ({ name: textOf(parameterName), code: textOf(faultCode) }))
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 200) : ''
}
