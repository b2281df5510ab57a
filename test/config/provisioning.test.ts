import t from 'tap'
import { ConfigError } from '../../config/index.js'
import { loadTemplate, loadTemplates, parseTemplate, renderTemplate, type Template } from '../../config/templates.js'
import { openwrt } from '../../drivers/openwrt/index.js'
import { OpenwrtSimulator } from '../../sandbox/openwrt/index.js'

const apply = { dryRun: false }
const PASSWORD = 'geheim'

function failureOf(act: () => unknown): ConfigError {
  try {
    act()
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('it did not fail')
}

function shipped(name: string): Template {
  const template = loadTemplates().get(name)
  if (template === undefined) throw new Error(`${name} is not there`)
  return template
}

t.test('the templates that are shipped are whole, and each is rendered for its drivers', async t => {
  const templates = loadTemplates()
  t.same([...templates.keys()], ['genieacs-pppoe-wifi', 'mikrotik-pppoe-client', 'openwrt-pppoe'])
  for (const template of templates.values())
    for (const driver of Object.keys(template.steps)) {
      const { steps = [] } = renderTemplate(template, driver, { username: 'alice', password: PASSWORD }, apply)
      t.equal(steps.length, 1, `${template.name}: Wi-Fi is left out without a name`)
      t.equal(steps[0]?.secret.length, 1, `${template.name}: the password is secret`)
      t.notMatch(JSON.stringify(steps), /\$\{|undefined/)
    }
})

t.test('values are filled in with their types; secrets are named and not among the values', async t => {
  const given = { username: 'alice', password: PASSWORD, mtu: '1480', ssid: 'Home', wifiKey: 'longenough' }
  const want = renderTemplate(shipped('openwrt-pppoe'), 'openwrt', given, { dryRun: true })
  t.same(want.steps, [
    {
      at: 'network.wan',
      key: ['.type', 'interface'],
      set: { proto: 'pppoe', username: 'alice', password: PASSWORD, mtu: 1480, ipv6: 'auto' },
      secret: ['password']
    },
    { at: 'wireless.default_radio0', set: { ssid: 'Home', disabled: false }, secret: [] },
    { at: 'wireless.default_radio0', set: { encryption: 'psk2', key: 'longenough' }, secret: ['key'] }
  ])
  t.ok(want.dryRun)
  t.notMatch(JSON.stringify(want.values), /geheim|longenough/)
  const odd = renderTemplate(
    shipped('openwrt-pppoe'),
    'openwrt',
    { username: '${password}', password: PASSWORD },
    apply
  )
  t.equal(odd.steps?.[0]?.set['username'], '${password}', 'a value is not filled in again')
})

t.test('what is wrong with values is told all at once, with file and line, and no secret', async t => {
  const template = shipped('openwrt-pppoe')
  const given = {
    password: 'x'.repeat(65),
    mtu: '15OO',
    wan: 'wan;reboot',
    usrname: 'alice',
    ssid: 'a\nb',
    wifiKey: 'short'
  }
  const error = failureOf(() => renderTemplate(template, 'openwrt', given, apply))
  t.equal(error.code, 'CONFIG_INVALID')
  t.match(error.message, /openwrt-pppoe\.yaml:3:1: variables: found the value usrname, .*Did you mean username\?/)
  t.match(
    error.message,
    /openwrt-pppoe\.yaml:4:3: variables\.username: found no value, expected a value for it: PPPoE user/
  )
  t.match(error.message, /mtu: found «15OO», expected a whole number from 576 to 9000/)
  t.match(error.message, /wan: found «wan;reboot», expected letters/)
  t.match(error.message, /ssid: [^]*control characters/)
  t.notMatch(error.message, /xxx|short/)
  t.equal(error.problems.length, 7)
  const other = failureOf(() => renderTemplate(template, 'mikrotik', { username: 'a', password: 'b' }, apply))
  t.match(other.message, /:\d+:\d+: steps: found steps for openwrt, expected steps for the driver mikrotik/)
})

t.test('a template that is wrong is refused with every line that is', async t => {
  const text = [
    'titel: x',
    'variables:',
    '  pass: { type: secret, describe: p, default: hunter2 }',
    '  free: { type: text, describe: f }',
    '  odd: { type: wrong, describe: o }',
    '  many: { type: number, describe: m, most: 3, default: 4 }',
    'steps:',
    '  openwrt:',
    '    - at: network.${free}',
    '      set: { a: "${nobody}", b: [] }',
    '      when: nothing',
    '    - set: {}',
    '  genieacs: []'
  ].join('\n')
  const { message, problems } = failureOf(() => parseTemplate(text, '/t/x.yaml'))
  const lines = problems.map(({ line, path }) => `${line} ${path}`)
  t.same(lines, [
    '1 titel',
    '1 title',
    '3 variables.pass.default',
    '5 variables.odd.type',
    '6 variables.many.default',
    '9 steps.openwrt.0.at',
    '10 steps.openwrt.0.set.a',
    '10 steps.openwrt.0.set.b',
    '11 steps.openwrt.0.when',
    '12 steps.openwrt.1.at',
    '12 steps.openwrt.1.set',
    '13 steps.genieacs'
  ])
  t.match(message, /\/t\/x.yaml:9:11: steps.openwrt.0.at: .*free is of another/)
  t.equal(failureOf(() => parseTemplate('title: [', '/t/x.yaml')).code, 'CONFIG_SYNTAX')
  t.match(failureOf(() => parseTemplate('- 1', '/t/x.yaml')).message, /x.yaml:1:1/)
  t.match(
    failureOf(() => loadTemplate('/nowhere/x.yaml')),
    { code: 'CONFIG_UNREADABLE', message: /no such file/ }
  )
  t.match(
    failureOf(() => loadTemplates(['/nowhere'])),
    { code: 'CONFIG_UNREADABLE' }
  )
})

t.test('from template to router: tried, done, and the same again is nothing to do', async t => {
  const router = new OpenwrtSimulator({
    user: 'turnpike',
    password: 'x',
    uci: { network: {}, wireless: { default_radio0: { '.type': 'wifi-iface' } } }
  })
  const port = await router.listen()
  t.teardown(() => router.close())
  const device = { id: 'cpe', driver: 'openwrt', address: `http://127.0.0.1:${port}`, options: { allowLocal: true } }
  const driver = openwrt({ device, credential: () => 'turnpike:x', clock: () => 0 })
  t.teardown(() => driver.close())
  const given = { username: 'alice', password: PASSWORD, ssid: 'Home', wifiKey: 'longenough' }
  const order = (dryRun: boolean) =>
    driver.provision(renderTemplate(shipped('openwrt-pppoe'), 'openwrt', given, { dryRun }), AbortSignal.timeout(5000))
  const dry = await order(true)
  t.match(dry.detail, /^Would change: new network.wan: proto=pppoe username=alice password mtu=1492.*ssid=Home/)
  t.notMatch(dry.detail, /geheim|longenough/)
  t.same(router.uci['network'], {})
  t.equal((await order(false)).result, 'changed')
  t.match(router.uci['wireless'], {
    default_radio0: { ssid: 'Home', disabled: '0', encryption: 'psk2', key: 'longenough' }
  })
  t.equal((await order(false)).result, 'unchanged')
})
