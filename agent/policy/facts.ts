/** What an Access-Request says about where it comes from. Read when asked for: most subscribers are bound to nothing. */
export interface AccessFacts {
  /** Id of the NAS. */
  readonly nas: string
  /** Calling-Station-Id as it came; '' when absent. */
  readonly callingStation: string
  /** NAS-Port as text, else NAS-Port-Id; '' when absent. */
  readonly nasPort: string
  /** NAS-Port-Id; '' when absent. */
  readonly nasPortId: string
  /** Agent-Circuit-Id (option 82), where the NAS passes it on. RFC 4679 §3.3.1 */
  readonly circuitId: Buffer | undefined
  /** Agent-Remote-Id. RFC 4679 §3.3.2 */
  readonly remoteId: Buffer | undefined
}
