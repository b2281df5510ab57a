import * as fc from 'fast-check'
import t from 'tap'
import {
  challengeSentence,
  decodeLength,
  encodeLength,
  encodeSentence,
  loginSentence,
  parseReply,
  SentenceReader
} from '../../../protocols/routeros/index.js'

t.test('a length takes as many octets as its size asks for', async t => {
  for (const [length, octets] of [
    [0, 1],
    [0x7f, 1],
    [0x80, 2],
    [0x3fff, 2],
    [0x4000, 3],
    [0x1fffff, 3],
    [0x200000, 4],
    [0xfffffff, 4],
    [0x10000000, 5],
    [0xffffffff, 5]
  ] as const) {
    const encoded = encodeLength(length)
    t.equal(encoded.length, octets, `${length}`)
    t.same(decodeLength(encoded), { length, consumed: octets })
    t.equal(decodeLength(encoded.subarray(0, octets - 1)), undefined, 'an octet less is not yet a length')
  }
  t.throws(() => encodeLength(2 ** 32), RangeError)
})

t.test('control octets are refused, not read as lengths', async t => {
  for (let first = 0xf1; first <= 0xff; first++)
    t.throws(() => decodeLength(Buffer.from([first, 0, 0, 0, 0])), { code: 'ROS_RESERVED' })
})

t.test('any sentences survive any cutting of the stream', async t => {
  const word = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 300 })
    .filter(text => Buffer.from(text).toString() === text)
  fc.assert(
    fc.property(
      fc.array(fc.array(word, { maxLength: 6 }), { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (sentences, cuts) => {
        const stream = Buffer.concat(sentences.map(encodeSentence))
        const reader = new SentenceReader()
        const got: string[][] = []
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const next = at + (cuts[turn % cuts.length] ?? 1)
          got.push(...reader.push(stream.subarray(at, next)))
          at = next
        }
        t.strictSame(got, sentences)
      }
    ),
    { numRuns: 200 }
  )
})

t.test('an endless sentence and a huge word are given up', async t => {
  t.throws(() => new SentenceReader().push(encodeLength(0x200000)), { code: 'ROS_TOO_LONG' })
  const reader = new SentenceReader()
  t.throws(
    () => {
      for (;;) reader.push(Buffer.from([1, 0x61]))
    },
    { code: 'ROS_TOO_LONG' }
  )
})

t.test('an answer is read with its tag, its text and values that hold the separator', async t => {
  const reply = parseReply(['!re', '.tag=7', '=name=a=b=c', '=comment=', '=flag', '=__proto__=x'])
  t.equal(reply.type, '!re')
  t.equal(reply.tag, '7')
  t.strictSame(Object.entries(reply.attributes), [
    ['name', 'a=b=c'],
    ['comment', ''],
    ['flag', ''],
    ['__proto__', 'x']
  ])
  t.equal(parseReply(['!fatal', 'not logged in']).text, 'not logged in')
  t.equal(parseReply([]).type, null)
})

t.test('both logins: in one sentence, and with the challenge of routers before 6.43', async t => {
  t.strictSame(loginSentence('admin', 'x'), ['/login', '=name=admin', '=password=x'])
  t.equal(challengeSentence('admin', 'x', parseReply(['!done'])), undefined)
  // MD5 of one zero octet, the password and the challenge, checked with md5sum.
  t.strictSame(challengeSentence('admin', 'secret', parseReply(['!done', '=ret=00ff'])), [
    '/login',
    '=name=admin',
    '=response=008180708413f251e42c8093b8333167f9'
  ])
  t.throws(() => challengeSentence('admin', 'x', parseReply(['!done', '=ret=Invalid'])), { code: 'ROS_BAD_CHALLENGE' })
})
