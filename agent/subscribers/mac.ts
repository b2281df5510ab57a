const CANONICAL = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/

/**
 * A MAC address as documents spell it: lower case, colons.
 * @param text `AA-BB-…`, `aa:bb:…`, `aabb.ccdd.eeff` or `aabbccddeeff`; what follows the address in a
 *   Called-Station-Id (`:SSID`) does not belong here
 * @returns undefined when it is none
 * @see RFC 3580 §3.21
 */
export function normaliseMac(text: string): string | undefined {
  if (CANONICAL.test(text)) return text
  const digits = text.toLowerCase().replaceAll(/[-:.]/g, '')
  if (!/^[0-9a-f]{12}$/.test(digits) || text.length > 17) return undefined
  return digits.replaceAll(/..(?!$)/g, '$&:')
}
