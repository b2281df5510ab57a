/*
 * EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2): OpCode 1, Identifier 1, Length 2 (all of these included), then
 *
 *   Challenge 1  Value-Size 16, challenge 16, name
 *   Response 2   Value-Size 49, peer's challenge 16, reserved 8, response 24, flags 1, name
 *   Success 3, Failure 4  text; the peer confirms with the OpCode alone
 */
export const MsChapOp = { Challenge: 1, Response: 2, Success: 3, Failure: 4 } as const

const HEADER = 4

/** A message of the peer. */
export interface MsChapMessage {
  readonly op: number
  /** In a Response: as MS-CHAP2-Response has it, 50 octets: identifier, flags, challenge, reserved, response. RFC 2548 §2.3.2 */
  readonly response?: Buffer
  /** In a Response: the name that the peer computed with. */
  readonly name?: string
}

/** Reads what a peer sends. @returns undefined where the sizes are wrong. Never throws. */
export function decodeMsChapMessage(data: Buffer): MsChapMessage | undefined {
  const op = data[0]
  if (op === undefined) return undefined
  if (op !== MsChapOp.Response) return { op }
  if (data.length < HEADER + 50 || data[4] !== 49) return undefined
  const length = data.readUInt16BE(2)
  if (length < HEADER + 50 || length > data.length) return undefined
  const flags = data.subarray(53, 54)
  const response = Buffer.concat([data.subarray(1, 2), flags, data.subarray(5, 53)])
  return { op, response, name: data.toString('utf8', 54, length) }
}

/** The server's Challenge. @param challenge  16 octets @param name  what the server calls itself */
export function encodeMsChapChallenge(identifier: number, challenge: Buffer, name: string): Buffer {
  return message(MsChapOp.Challenge, identifier, Buffer.concat([Buffer.from([16]), challenge, Buffer.from(name)]))
}

/** The server's Success or Failure. @param text  `S=… M=…` or `E=… R=…`; RFC 2759 §5–6 */
export function encodeMsChapResult(success: boolean, identifier: number, text: Buffer): Buffer {
  return message(success ? MsChapOp.Success : MsChapOp.Failure, identifier, text)
}

function message(op: number, identifier: number, body: Buffer): Buffer {
  const octets = Buffer.alloc(HEADER + body.length)
  octets[0] = op
  octets[1] = identifier
  octets.writeUInt16BE(octets.length, 2)
  body.copy(octets, HEADER)
  return octets
}
