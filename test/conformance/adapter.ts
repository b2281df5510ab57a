/*
 * Answers test vectors from other implementations: one JSON object a line on standard input,
 * {"id", "op", "input"}, and one a line on standard output, {"id", "result"}. A result with ok false means
 * that the input was rejected; {"id", "unsupported": true} that there is no such function here.
 */
import { createInterface } from 'node:readline'
import { loadDictionary } from '../../config/dictionary/index.js'
import * as radius from '../../protocols/radius/index.js'
import * as routeros from '../../protocols/routeros/index.js'

type Input = Readonly<Record<string, unknown>>
type Result = Readonly<Record<string, unknown>>

const rejected = (error: string): Result => ({ ok: false, error })
const dictionary = loadDictionary()

function hex(input: Input, key: string): Buffer {
  return Buffer.from(text(input, key), 'hex')
}

function text(input: Input, key: string): string {
  const value = input[key]
  return typeof value === 'string' ? value : ''
}

function secretOf(input: Input): radius.Secret {
  return new radius.Secret(text(input, 'secret') || 'none')
}

function revealOf(input: Input): radius.RevealOptions {
  const authenticator = hex(input, 'request_authenticator')
  return { secret: secretOf(input), ...(authenticator.length === 16 ? { authenticator } : {}) }
}

function shown(value: radius.Value): string | number {
  if (Buffer.isBuffer(value)) return value.toString('hex')
  return typeof value === 'bigint' ? value.toString() : value
}

function attributesOf(packet: radius.Packet, input: Input): Result {
  return {
    ok: true,
    attributes: [...packet.entries()].map(({ type, value }) => ({ type, hex: value.toString('hex') })),
    values: dictionary
      .decode(packet, revealOf(input))
      .filter(pair => pair.raw !== true)
      .map(pair => ({ name: pair.name, value: shown(pair.value) }))
  }
}

function decodePacket(input: Input): Result {
  const packet = radius.Packet.decode(hex(input, 'hex'))
  if (typeof packet === 'string') return rejected(packet)
  const authenticator = packet.authenticator.toString('hex')
  return { ...attributesOf(packet, input), code: packet.code, id: packet.identifier, authenticator }
}

function decodeAttributes(input: Input): Result {
  const packet = radius.Packet.fromAttributes(hex(input, 'hex'))
  return typeof packet === 'string' ? rejected(packet) : attributesOf(packet, input)
}

function verifyPacket(input: Input): Result {
  const packet = radius.Packet.decode(hex(input, 'hex'))
  if (typeof packet === 'string') return rejected(packet)
  const fault = radius.isRequest(packet.code)
    ? radius.verifyRequest(packet, secretOf(input))
    : radius.verifyResponse(packet, hex(input, 'request_authenticator'), secretOf(input))
  return fault === undefined ? { ok: true } : rejected(fault)
}

function plain(octets: Buffer | undefined, more: Result = {}): Result {
  return octets === undefined ? rejected('RAD_BAD_VALUE') : { plain_hex: octets.toString('hex'), ...more }
}

function saltDecrypt(input: Input): Result {
  const value = hex(input, 'attribute_value_hex')
  const { secret, authenticator = Buffer.alloc(16) } = revealOf(input)
  if (input['has_tag'] !== true) return plain(radius.decodeSalted(value, authenticator, secret))
  return plain(radius.decodeSalted(value.subarray(1), authenticator, secret), { tag: value[0] })
}

function saltEncrypt(input: Input): Result {
  const { secret, authenticator = Buffer.alloc(16) } = revealOf(input)
  const hidden = radius.encodeSalted(hex(input, 'plain_hex'), authenticator, secret, hex(input, 'salt_hex'))
  const tag = input['has_tag'] === true ? Buffer.from([Number(input['tag'] ?? 0)]) : Buffer.alloc(0)
  return { attribute_value_hex: Buffer.concat([tag, hidden]).toString('hex') }
}

function chapVerify(input: Input): Result {
  const response = hex(input, 'chap_password_hex')
  return { ok: radius.isChapResponse(response, hex(input, 'challenge_hex'), text(input, 'password')) }
}

const hashOf = (input: Input): Buffer => radius.ntHash(text(input, 'password'))

function mschap1(input: Input): Result {
  const hash = hashOf(input)
  return {
    nt_response_hex: radius.msChapResponse(hex(input, 'challenge_hex'), hash).toString('hex'),
    nt_hash_hex: hash.toString('hex'),
    nt_hash_hash_hex: radius.ntHashHash(hash).toString('hex')
  }
}

type Challenges = readonly [authenticator: Buffer, peer: Buffer, userName: string, hash: Buffer]

function challengesOf(input: Input): Challenges {
  const user = text(input, 'user') || text(input, 'user_name') || text(input, 'username')
  return [hex(input, 'authenticator_challenge_hex'), hex(input, 'peer_challenge_hex'), user, hashOf(input)]
}

function mschap2(input: Input): Result {
  const challenges = challengesOf(input)
  const response = radius.msChap2Response(...challenges)
  return {
    nt_response_hex: response.toString('hex'),
    nt_hash_hex: hashOf(input).toString('hex'),
    nt_hash_hash_hex: radius.ntHashHash(hashOf(input)).toString('hex'),
    authenticator_response: radius.msChap2AuthenticatorResponse(...challenges, response)
  }
}

function authenticatorResponse(input: Input): Result {
  const response = radius.msChap2AuthenticatorResponse(...challengesOf(input), hex(input, 'nt_response_hex'))
  return { authenticator_response: response }
}

function mppe(input: Input): Result {
  const given = hex(input, 'nt_hash_hex')
  const hash = given.length === 16 ? given : hashOf(input)
  const response = hex(input, 'nt_response_hex')
  const keys = radius.mppeKeys(hash, response)
  const [send, receive] = [keys.send.toString('hex'), keys.receive.toString('hex')]
  const master = radius.mppeMasterKey(hash, response).toString('hex')
  return { master_key_hex: master, send_key_hex: send, receive_key_hex: receive, recv_key_hex: receive }
}

const kinds: Readonly<Record<string, string>> = { text: 'string', ipv4: 'ipaddr', ipv6: 'ipv6addr', time: 'date' }

function concatenated(type: number, chunks: readonly unknown[]): Result {
  const writer = new radius.AttributeWriter()
  for (const chunk of chunks) writer.add(type, Buffer.from(String(chunk), 'hex'))
  const packet = radius.Packet.fromAttributes(writer.finish())
  if (typeof packet === 'string') return rejected(packet)
  return { value_hex: packet.concat(type)?.toString('hex') }
}

function decodeValue(input: Input): Result {
  if (Array.isArray(input['chunks_hex'])) return concatenated(Number(input['type']), input['chunks_hex'])
  const kind = text(input, 'kind')
  const type = kinds[kind] ?? (kind || dictionary.attributeByOid(String(input['type']))?.type || 'octets')
  if (!radius.isValueType(type)) return rejected(`no type ${type}`)
  const value = radius.decodeValue(type, hex(input, 'hex'))
  return value === undefined ? rejected('RAD_BAD_VALUE') : { value: shown(value) }
}

function routerosLength(input: Input): Result {
  const octets = hex(input, 'hex')
  const decoded = routeros.decodeLength(octets)
  const length = typeof input['length'] === 'number' ? input['length'] : decoded?.length
  return {
    ...(length !== undefined && { encode_hex: routeros.encodeLength(length).toString('hex') }),
    ...(decoded !== undefined && { decode: decoded.length, consumed: decoded.consumed })
  }
}

function routerosLengthDecode(input: Input): Result {
  const decoded = routeros.decodeLength(hex(input, 'hex'))
  return decoded === undefined ? rejected('incomplete') : { decode: decoded.length, consumed: decoded.consumed }
}

function routerosSentence(input: Input): Result {
  const given = words(input['words'])
  const [read] = 'hex' in input ? new routeros.SentenceReader().push(hex(input, 'hex')) : [given]
  if (read === undefined) return rejected('incomplete')
  const { type, attributes, text } = routeros.parseReply(read)
  const encoded = routeros.encodeSentence(given ?? read)
  const parsed = { type, attrs: attributes, ...(text !== undefined && { text }) }
  return { parsed, words: read, encode_hex: encoded.toString('hex'), consumed: encoded.length }
}

function words(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined
}

// The router's replies are given; what is asked for is what we say after the first of them.
function routerosLogin(input: Input): Result {
  const replies = Array.isArray(input['server_replies']) ? input['server_replies'] : []
  const [user, password] = [text(input, 'user'), text(input, 'password')]
  const sent = [routeros.loginSentence(user, password)]
  for (const reply of replies) {
    const parsed = routeros.parseReply(words(reply) ?? [])
    if (parsed.type !== '!done') return rejected(parsed.attributes['message'] ?? parsed.type ?? '')
    const next = sent.length === 1 ? routeros.challengeSentence(user, password, parsed) : undefined
    if (next === undefined) break
    sent.push(next)
  }
  return { ok: true, ...(sent[1] !== undefined && { second_word: sent[1][2] }), words: sent.flat() }
}

const operations: Readonly<Record<string, (input: Input) => Result>> = {
  decode_packet: decodePacket,
  decode_attributes: decodeAttributes,
  verify_packet: verifyPacket,
  user_password_decrypt: input => {
    const { secret, authenticator = Buffer.alloc(16) } = revealOf(input)
    return plain(radius.decodeUserPassword(hex(input, 'hidden_hex'), authenticator, secret))
  },
  salt_decrypt: saltDecrypt,
  salt_encrypt: saltEncrypt,
  chap_verify: chapVerify,
  nt_hash: input => ({ nt_hash_hex: hashOf(input).toString('hex') }),
  mschap1,
  mschap2,
  mschap2_authenticator_response: authenticatorResponse,
  mppe_keys: mppe,
  mppe,
  decode_value: decodeValue,
  routeros_length: routerosLength,
  routeros_length_decode: routerosLengthDecode,
  routeros_sentence: routerosSentence,
  routeros_login_dialogue: routerosLogin
}

function answer(line: string): Result {
  const { id, op, input } = JSON.parse(line) as { id: string; op: string; input: Input }
  const operation = Object.hasOwn(operations, op) ? operations[op] : undefined
  if (operation === undefined) return { id, unsupported: true }
  try {
    return { id, result: operation(input) }
  } catch (error) {
    // A fault that is not the codec's own ends the program, which counts as a crash
    if (error instanceof radius.RadiusError || error instanceof routeros.RouterosError)
      return { id, result: rejected(error.code) }
    throw error
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() !== '') process.stdout.write(`${JSON.stringify(answer(line))}\n`)
}
