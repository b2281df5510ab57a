const CANONICAL = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/

/**
 * A MAC address as documents spell it: lower case, colons.
 * @param text  any notation of NASes: `AA-BB-…`, `aa:bb:…`, `aabb.ccdd.eeff`, `aabb-ccdd-eeff`, `aabbccddeeff`
 * @returns undefined where it is no MAC address
 * @see RFC 3580 §3.21
 */
export function macOf(text: string): string | undefined {
  if (text.length < 12 || text.length > 17) return undefined
  if (CANONICAL.test(text)) return text
  const digits = text.replaceAll(/[-:.]/g, '').toLowerCase()
  return /^[0-9a-f]{12}$/.test(digits) ? digits.replaceAll(/..(?!$)/g, '$&:') : undefined
}
