import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { parseDocument } from 'yaml'
import { defaultPolicySettings, type PolicySettings } from '../../agent/policy/settings.js'
import {
  addNas,
  ConfigError,
  configErrors,
  defaultConfig,
  jsonSchema,
  jsonSchemaText,
  loadConfig,
  newSecret,
  parseConfig
} from '../../config/index.js'
import { ConfigFile } from '../../config/schema.js'

const root = new URL('../../../', import.meta.url)
const example = readFileSync(new URL('config/turnpike.example.yaml', root), 'utf8')
const file = '/etc/turnpike/turnpike.yaml'

/** The error that a text gives. */
function errorOf(text: string): ConfigError {
  try {
    parseConfig(text, file, {})
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the text was accepted')
}

t.test('an empty file, a file of comments and no file at all give an agent that listens on loopback only', async t => {
  const none = loadConfig(undefined, {})
  t.same(none.radius.authentication, [{ host: '127.0.0.1', port: 1812 }])
  t.same(none.radius.accounting, [{ host: '127.0.0.1', port: 1813 }])
  t.equal(none.cloud, undefined)
  for (const text of ['', '# nothing\n', 'radius:\ncloud:\nnas:\n', '{}']) {
    t.same({ ...parseConfig(text, file, {}), file: undefined }, none, JSON.stringify(text))
  }
})

t.test('systemd says where state and socket go', async t => {
  const { data, api } = defaultConfig({ STATE_DIRECTORY: '/var/lib/tp:/x', RUNTIME_DIRECTORY: '/run/tp' })
  t.same([data, api.socket], ['/var/lib/tp', '/run/tp/api.sock'])
})

t.test('the policy section is what the policy takes, defaults included', async t => {
  const settings: PolicySettings = defaultConfig({}).policy
  t.same(settings, defaultPolicySettings)
})

t.test('the example loads and its values are the defaults', async t => {
  const loaded = parseConfig(example, file, {})
  t.same({ ...loaded, file: undefined }, { ...defaultConfig({}), file: undefined })
})

t.test(
  'everything that the example keeps as a comment is valid, and is the default unless it says example',
  async t => {
    const settings = /^#( *(- )?([a-z][A-Za-z]*:( |$)|[\d"]))/
    const opened = example
      .slice(example.indexOf('\nnas:'))
      .split('\n')
      .filter(line => !/all IPv[46]/.test(line))
      .map(line => line.replace(settings, '$1'))
      .join('\n')
    const loaded = parseConfig(opened, file, {})
    t.match(loaded.nas[0], {
      id: 'bras-1',
      secretRef: 'file:/etc/turnpike/secrets/bras-1',
      vendor: 'mikrotik',
      coaPort: 3799
    })
    t.match(loaded.cloud, { url: 'https://billing.example.net', source: '/agents/edge-1' })
    const usual = defaultConfig({})
    for (const key of ['data', 'sessions', 'ledger', 'api', 'log'] as const) t.same(loaded[key], usual[key], key)
    t.equal(loaded.radius.authentication.length, 2)
    t.match(loaded.policy, usual.policy)
    t.equal(loaded.enforcement.proofTimeout, usual.enforcement.proofTimeout)
  }
)

t.test('human units are read, relative paths start from the file', async t => {
  const config = parseConfig(
    [
      'data: state',
      'radius: {receiveBuffer: 16MiB, rejectDelay: 1.5s, accounting: ["[::1]:1813"]}',
      'policy: {interimInterval: 10m, throttle: {down: 2Mbit/s, up: 512k}}',
      'ledger: {retention: 30d, diskBudget: 1.5GB}',
      'nas: [{id: a, addresses: [10.0.0.0/8], secret: file:secrets/a, messageAuthenticator: required}]'
    ].join('\n'),
    file,
    {}
  )
  t.match(config, {
    data: '/etc/turnpike/state',
    radius: { receiveBuffer: 16_777_216, rejectDelay: 1500, accounting: [{ host: '::1', port: 1813 }] },
    policy: { interimInterval: 600, throttle: { down: 2_000_000, up: 512_000 } },
    ledger: { retention: 30 * 86_400_000, diskBudget: 1_500_000_000 }
  })
  t.same(config.nas, [
    {
      id: 'a',
      addresses: ['10.0.0.0/8'],
      vendor: 'standard',
      secretRef: 'file:/etc/turnpike/secrets/a',
      messageAuthenticator: 'required'
    }
  ])
})

t.test('an error names file, line, column, what stands there and what was expected', async t => {
  const cases: [string, string, RegExp][] = [
    [
      'a typo in a key',
      'radius:\n  acounting: []\n',
      /yaml:2:3: radius\.acounting: found the unknown key «acounting», expected one of .*Did you mean «accounting»\?/
    ],
    [
      'a typo in a value',
      'log: {level: inof}',
      /yaml:1:14: log\.level: found «inof», expected one of trace, .*Did you mean «info»\?/
    ],
    ['a wrong type', 'nas: bras-1', /yaml:1:6: nas: found «bras-1», expected a list/],
    ['a section where a text belongs', 'data: {a: 1}', /yaml:1:7: data: found a section with keys, expected a text/],
    ['nothing where a text belongs', 'data:\n', /yaml:1:6: data: found nothing, expected a text/],
    [
      'a number without its unit',
      'enforcement:\n  proofTimeout: 5',
      /yaml:2:17: .*found «5», expected a duration with its unit .* such as 500ms, 5s or 90d, from 500ms to 5m/
    ],
    ['a wrong unit', 'ledger: {diskBudget: 5 bananas}', /diskBudget: found «5 bananas», expected a size with its unit/],
    ['a duration out of bounds', 'enforcement: {proofTimeout: 2d}', /found «2d», expected .* from 500ms to 5m/],
    ['fractions of a second where only whole ones count', 'policy: {interimInterval: 60.5s}', /whole seconds/],
    ['a whole number out of bounds', 'sessions: {staleAfterMissed: 0}', /expected a whole number from 1 to 100/],
    [
      'a host name where an address belongs',
      'radius: {authentication: [radius.example.net:1812]}',
      /expected an IP address and a port/
    ],
    ['a port beyond 65535', 'radius: {authentication: [127.0.0.1:70000]}', /expected an IP address and a port/],
    [
      'an IPv6 address without quotes',
      'radius:\n  authentication:\n    - [::1]\n',
      /yaml:3:7: .*found a list.*\(quoted\)/
    ],
    [
      'a bad prefix',
      'nas: [{id: a, addresses: [10.0.0.0/33], secret: "env:A"}]',
      /nas\[0\]\.addresses\[0\]: found «10\.0\.0\.0\/33»/
    ],
    [
      'a missing key',
      'nas:\n  - id: a\n    addresses: [10.0.0.1]\n',
      /yaml:2:5: nas\[0\]: found no key «secret», expected secret: Its shared secret/
    ],
    [
      'an unknown vendor',
      'nas: [{id: a, addresses: [10.0.0.1], secret: "env:A", vendor: mikrotic}]',
      /Did you mean «mikrotik»\?/
    ],
    [
      'billing over plain HTTP',
      'cloud: {url: "http://billing.example.net", token: env:T}',
      /cloud\.url: .*expected a URL that begins with https/
    ],
    ['a tab', 'radius:\n\trejectDelay: 1s\n', /yaml:2:\d+: found a tab, expected spaces/],
    [
      'a key that stands twice',
      'log: {level: info}\ndata: /a\ndata: /b\n',
      /yaml:3:1: found «data: \/b», expected each key once/
    ],
    [
      'two NASes of one id',
      'nas:\n- {id: a, addresses: [10.0.0.1], secret: env:A}\n- {id: a, addresses: [10.0.0.2], secret: env:A}',
      /yaml:3:8: nas\[1\]\.id: found «a», expected an id that no other/
    ],
    [
      'two NASes of one address',
      'nas:\n- {id: a, addresses: [10.0.0.1], secret: env:A}\n- {id: b, addresses: [10.0.0.1], secret: env:A}',
      /an address that is not given to «a» already/
    ],
    [
      'one port for both listeners',
      'radius: {authentication: [127.0.0.1:1812], accounting: [127.0.0.1:1812]}',
      /radius\.accounting\[0\]: .*nothing else listens on/
    ],
    [
      'a certificate without its key',
      'cloud: {url: "https://b", token: env:T, certificate: /c}',
      /certificate and key together/
    ]
  ]
  for (const [name, text, expected] of cases) {
    const { message } = errorOf(text)
    t.match(message, expected, name)
    t.ok(message.startsWith(`${file}:`), `${name}: the file is named first`)
  }
})

t.test('several errors are reported at once, in the order of the lines', async t => {
  const { problems, message, code } = errorOf('log: {level: loud}\ndata: 5\nradios: {}\nnas: [{id: "-"}]\n')
  t.equal(code, 'CONFIG_INVALID')
  t.same(
    problems.map(problem => problem.line),
    [1, 2, 3, 4, 4, 4]
  )
  t.equal(message.split('\n').length, 6)
})

t.test('a secret in the file is refused with the way out, and never shown', async t => {
  const secret = 'hunter2-is-my-secret'
  for (const text of [
    `nas: [{id: a, addresses: [10.0.0.1], secret: ${secret}}]`,
    `cloud: {url: "https://b.example", token: ${secret}}`,
    `nas: [{id: a, secret: ["${secret}"]}]`,
    `cloud: {url: "https://b.example", token: x\n  secret: ${secret}\n`,
    `nas:\n  - secret: "${secret}\n`,
    `nas:\n\tsecret: ${secret}\n`
  ]) {
    const error = errorOf(text)
    t.notMatch(error.message, secret)
    t.notMatch(JSON.stringify(error.problems), secret)
  }
  t.match(
    errorOf(`nas: [{id: a, addresses: [10.0.0.1], secret: ${secret}}]`).message,
    /20 characters, which is not shown.*Move it out: .*file:/
  )
})

t.test('a file that is not there or not readable is one sentence', async t => {
  t.throws(() => loadConfig('/nowhere/turnpike.yaml', {}), { code: 'CONFIG_UNREADABLE', message: /no such file/ })
  t.throws(() => loadConfig('/', {}), { code: 'CONFIG_UNREADABLE' })
})

t.test('the published JSON Schema is the code’s, and accepts the example', async t => {
  const file = new URL('config/turnpike.schema.json', root)
  if (process.env['TURNPIKE_WRITE_DOCS'] !== undefined) writeFileSync(file, jsonSchemaText())
  t.equal(readFileSync(file, 'utf8'), jsonSchemaText())
  const ajv = new Ajv({ strict: true, allowUnionTypes: true })
  const check = ajv.compile(jsonSchema())
  t.ok(check(parseDocument(example).toJS()), JSON.stringify(check.errors))
  t.notOk(check({ radius: { rejectDelay: '5 bananas' } }))
  t.notOk(check({ radios: {} }))
})

t.test('the schema of the file is one itself: no start checks that', async t => {
  const ajv = new Ajv({ strict: false })
  t.ok(ajv.validateSchema(ConfigFile), ajv.errorsText())
  t.notOk(ajv.validateSchema({ type: 'objekt' }))
})

t.test('adding a NAS keeps the comments and the order of what is there', async t => {
  const entry = { id: 'bras-2', addresses: ['192.0.2.20'], secret: 'file:secrets/bras-2', vendor: 'cisco' as const }
  const lines = '  - id: bras-2\n    addresses: [192.0.2.20]\n    secret: file:secrets/bras-2\n    vendor: cisco\n'
  const added = addNas(example, file, entry)
  t.equal(added, example.replace('\nnas:\n', `\nnas:\n${lines}`), 'nothing else is touched')
  t.match(parseConfig(added, file, {}).nas, [
    { id: 'bras-2', vendor: 'cisco', secretRef: 'file:/etc/turnpike/secrets/bras-2' }
  ])
  const twice = addNas(added, file, { ...entry, id: 'bras-3', addresses: ['192.0.2.21'] })
  t.same(
    parseConfig(twice, file, {}).nas.map(nas => nas.id),
    ['bras-2', 'bras-3']
  )
  t.throws(() => addNas(twice, file, entry), { code: 'CONFIG_EXISTS' })
  t.throws(() => addNas(twice, file, { ...entry, id: 'x' }), { code: 'CONFIG_EXISTS', message: /192\.0\.2\.20/ })
  t.equal(addNas('', file, entry), `nas:\n${lines}`)
  t.equal(addNas('log: {level: info} # keep', file, entry), `log: {level: info} # keep\nnas:\n${lines}`)
  const indented =
    'nas:\n- id: a # first\n  addresses: [10.0.0.1]\n  secret: env:A # its secret\n\n# below\nlog: {level: info}\n'
  t.equal(
    addNas(indented, file, entry),
    indented.replace('secret\n', `secret\n${lines.replaceAll(/^ {2}/gm, '')}`),
    'the indentation of the list there is taken up'
  )
  t.match(
    addNas('nas: [] # none\n', file, entry),
    /^nas:\n {2}- id: bras-2\n[^]*# none\n$/,
    'a list in brackets is opened up'
  )
})

t.test('a new secret has 32 characters that any command line takes, and is new each time', async t => {
  t.match(newSecret(), /^[A-Za-z2-9]{32}$/)
  t.not(newSecret(), newSecret())
})

t.test('each error has a remedy in words', async t => {
  for (const [code, remedy] of Object.entries(configErrors)) t.ok(remedy.length > 40, code)
})

t.test('a file on disk is found and read', async t => {
  const directory = t.testdir({ 'turnpike.yaml': 'data: here\n' })
  t.match(loadConfig(join(directory, 'turnpike.yaml'), {}), { data: join(directory, 'here') })
})
