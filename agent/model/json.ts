/** Whether something is an object with keys: what JSON, YAML and the replies of devices are made of. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
