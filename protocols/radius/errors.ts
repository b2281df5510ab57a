/**
 * Why a packet, an attribute, a value or a dictionary was refused, in the words of an engineer.
 * Reasons for packets are countable: `Packet.decode` and the verify functions return them, they never throw.
 */
export const radiusErrors = {
  RAD_TOO_SHORT: 'The datagram holds fewer than 20 octets: not RADIUS. Look for a scanner or a wrong port.',
  RAD_LENGTH_TOO_SMALL: 'The header says a Length below 20: the sender is broken or is not a RADIUS client.',
  RAD_LENGTH_TOO_LARGE: 'The header says a Length above 4096: the sender is broken or is not a RADIUS client.',
  RAD_TRUNCATED:
    'The header says more octets than arrived. Look for lost IP fragments: check the path MTU and firewalls.',
  RAD_UNKNOWN_CODE: 'The Code is none that RADIUS servers and clients exchange. Look for a scanner or a wrong port.',
  RAD_ATTRIBUTE_STRAY: 'One octet is left over after the last attribute: the sender counts its Length wrong.',
  RAD_ATTRIBUTE_ZERO: 'An attribute has type 0, which does not exist: the sender is broken.',
  RAD_ATTRIBUTE_LENGTH: 'An attribute has a length below 2: the sender is broken.',
  RAD_ATTRIBUTE_OVERFLOW: 'An attribute is longer than what is left of the packet: the sender is broken.',
  RAD_TOO_MANY_ATTRIBUTES: 'More than 200 attributes in one packet: an attack or a broken sender.',
  RAD_MESSAGE_AUTHENTICATOR_MISSING:
    'A Status-Server or a packet with EAP-Message carries no Message-Authenticator. Update the NAS or make it sign.',
  RAD_MESSAGE_AUTHENTICATOR_SIZE: 'The Message-Authenticator does not hold 16 octets: the sender is broken.',
  RAD_MESSAGE_AUTHENTICATOR_TWICE: 'Two Message-Authenticators in one packet: an attack or a broken proxy.',
  RAD_MESSAGE_AUTHENTICATOR_WRONG:
    'The Message-Authenticator does not fit. Compare the shared secret on the NAS with the one configured here.',
  RAD_AUTHENTICATOR_WRONG:
    'The authenticator does not fit. Compare the shared secret on the NAS with the one configured here.',
  RAD_NOT_A_REQUEST: 'A response arrived where only requests are taken. Check which port the sender uses.',
  RAD_NOT_A_RESPONSE: 'A request arrived where only responses are taken. Check which port the sender uses.',
  RAD_TOO_LONG: 'The packet would exceed 4096 octets. Send fewer or shorter attributes.',
  RAD_BAD_VALUE: 'A value does not fit the type of its attribute. Correct the value where it is configured.',
  RAD_BAD_SECRET: 'A shared secret must hold 1 to 1024 octets. Set one on both sides, 16 random characters or more.',
  RAD_NEEDS_REQUEST:
    'The attribute is hidden with the authenticator of a request, so it cannot be encoded ahead. Encode it per reply.',
  RAD_UNKNOWN_ATTRIBUTE: 'No dictionary knows this attribute. Check its spelling or add a dictionary that defines it.',
  RAD_DICTIONARY: 'A dictionary file has a line that cannot be read. Correct the file and line that the message names.'
} as const

/** Code of a {@link RadiusError}; also the reason that a refused packet is counted under. */
export type RadiusErrorCode = keyof typeof radiusErrors

/** Reason for which a packet was refused whole. */
export type Malformed = RadiusErrorCode

/** What the codec throws when asked to build or read something impossible. Never carries a secret. */
export class RadiusError extends Error {
  override readonly name = 'RadiusError'

  /**
   * @param code    which of {@link radiusErrors}
   * @param detail  what exactly was wrong; defaults to the table's text
   */
  constructor(
    readonly code: RadiusErrorCode,
    detail?: string
  ) {
    super(detail ?? radiusErrors[code])
  }
}
