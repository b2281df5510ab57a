import { isRecord } from '../../agent/model/index.js'

/** What GenieACS keeps of a device: nested by the dots of TR-069 names, a leaf holding `_value` and `_type`. */
export type Tree = Readonly<Record<string, unknown>>

/** A parameter as last seen by GenieACS. */
export interface Parameter {
  readonly value: string | number | boolean
  readonly type: string
}

/** What GenieACS has of a parameter; undefined when it never saw one of that name. */
export function parameterOf(tree: Tree, path: string): Parameter | undefined {
  const leaf = at(tree, path)
  if (!isRecord(leaf)) return undefined
  const { _value: value, _type: type = 'xsd:string' } = leaf
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined
  return { value, type: String(type) }
}

/** A text of the record itself, not of a parameter: `_deviceId._SerialNumber`, `_lastInform`. */
export function textOf(tree: Tree, path: string): string | undefined {
  const found = at(tree, path)
  return typeof found === 'string' ? found : undefined
}

/** Which of two roots a device speaks: TR-181 (`Device`) or TR-098 (`InternetGatewayDevice`). */
export function rootOf(tree: Tree): 'Device' | 'InternetGatewayDevice' | undefined {
  if (isRecord(tree['InternetGatewayDevice'])) return 'InternetGatewayDevice'
  return isRecord(tree['Device']) ? 'Device' : undefined
}

/** CPEs write booleans as 1, true or "1". */
export function isSame(shown: Parameter | undefined, wanted: string | number | boolean): boolean {
  if (shown === undefined) return false
  if (typeof wanted === 'boolean' || shown.type === 'xsd:boolean') return truth(shown.value) === truth(wanted)
  return String(shown.value) === String(wanted)
}

/** The type that goes with a value: the parameter's own where it is known. */
export function typeFor(shown: Parameter | undefined, value: string | number | boolean): string {
  if (shown !== undefined) return shown.type
  if (typeof value === 'boolean') return 'xsd:boolean'
  return typeof value === 'number' ? 'xsd:unsignedInt' : 'xsd:string'
}

function truth(value: string | number | boolean): string {
  const text = String(value).toLowerCase()
  if (text === '1') return 'true'
  return text === '0' ? 'false' : text
}

function at(tree: Tree, path: string): unknown {
  let here: unknown = tree
  for (const name of path.split('.')) {
    if (!isRecord(here) || !Object.hasOwn(here, name)) return undefined
    here = here[name]
  }
  return here
}
