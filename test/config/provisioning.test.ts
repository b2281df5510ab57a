import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError } from '../../config/index.js'
import { listTemplates } from '../../config/template-list.js'
import { renderTemplate } from '../../config/template-render.js'
import type { Given } from '../../config/template-values.js'
import { loadTemplate, parseTemplate, type Template, templateFiles } from '../../config/templates.js'
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
  return loadTemplate(templateFiles().get(name) ?? name)
}

/** A value that a variable takes, for those that must be given. */
function sampleOf({ type, least = 0 }: Template['variables'][string]): Given {
  if (type === 'number') return least
  return type === 'boolean' ? true : 'a1'.repeat(Math.max(1, Math.ceil(least / 2))).slice(0, Math.max(2, least))
}

t.test(
  'every template that is shipped is whole, is rendered, and is refused without a value that it needs',
  async t => {
    const names = [...templateFiles().keys()]
    t.same(names, [
      'genieacs-pppoe-wifi',
      'mikrotik-hotspot-ap',
      'mikrotik-ipoe-subscriber',
      'mikrotik-ppp-subscriber',
      'mikrotik-pppoe-client',
      'mikrotik-pppoe-nas',
      'openwrt-pppoe'
    ])
    for (const template of names.map(shipped)) {
      const all = Object.entries(template.variables).map(([name, variable]) => [name, sampleOf(variable)] as const)
      const needed = all.filter(([name]) => {
        const { optional, default: otherwise } = template.variables[name] ?? {}
        return optional !== true && otherwise === undefined
      })
      t.ok(needed.length > 0, template.name)
      for (const driver of Object.keys(template.steps)) {
        const few = renderTemplate(template, driver, Object.fromEntries(needed), apply)
        const many = renderTemplate(template, driver, Object.fromEntries(all), apply)
        t.equal(many.steps.length, template.steps[driver]?.length, `${template.name}: with everything, every step`)
        t.ok(few.steps.length <= many.steps.length)
        t.notMatch(JSON.stringify([few, many]), /\$\{|undefined/)
        for (const [missing] of needed) {
          const given = Object.fromEntries(needed.filter(([name]) => name !== missing))
          const { message } = failureOf(() => renderTemplate(template, driver, given, apply))
          t.match(message, new RegExp(`^${template.file}:\\d+:\\d+: variables.${missing}: found no value`))
        }
      }
    }
  }
)

t.test("an operator's own templates stand beside the shipped ones, and before those of the same name", async t => {
  const text = 'title: own\nsteps:\n  openwrt:\n    - { at: network.wan, set: { proto: dhcp } }\n'
  const own = t.testdir({ 'openwrt-pppoe.yaml': text, 'mine.yaml': text, 'broken.yaml': 'title: [', 'notes.txt': '' })
  const listed = new Map(listTemplates(own).map(summary => [summary.name, summary]))
  t.equal(listed.size, 9)
  t.match(listed.get('mine'), { title: 'own', drivers: ['openwrt'], variables: [], problem: undefined })
  t.match(listed.get('openwrt-pppoe'), { title: 'own' })
  t.match(listed.get('broken')?.problem, /broken\.yaml:1:\d+: found/)
  t.match(
    listed.get('mikrotik-pppoe-client')?.variables.find(({ name }) => name === 'mtu'),
    { type: 'number', required: false, default: 1492 }
  )
  t.match(
    failureOf(() => templateFiles('/nowhere')),
    { code: 'CONFIG_UNREADABLE', message: /there is nothing.*the key templates/ }
  )
})

t.test('half a text is none: a rate up without one down is refused', async t => {
  const given = { username: 'a', password: 'b', up: 1000 }
  const { message } = failureOf(() => renderTemplate(shipped('mikrotik-ppp-subscriber'), 'mikrotik', given, apply))
  t.match(
    message,
    /ppp-subscriber\.yaml:10:3: variables\.down: found no value.*what else is given needs it, at \/queue\/simple/
  )
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
  t.equal(odd.steps[0]?.set['username'], '${password}', 'a value is not filled in again')
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
    { code: 'CONFIG_UNREADABLE', message: /there is nothing/ }
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
  t.match(dry.detail, /^Would change: new network.wan: proto=pppoe username=alice password=… mtu=1492.*ssid=Home/)
  t.notMatch(dry.detail, /geheim|longenough/)
  t.match(dry.changes, [/^new network\.wan: /, /^wireless\.default_radio0: ssid=Home/, /key=…$/])
  t.same(router.uci['network'], {})
  t.equal((await order(false)).result, 'changed')
  t.match(router.uci['wireless'], {
    default_radio0: { ssid: 'Home', disabled: '0', encryption: 'psk2', key: 'longenough' }
  })
  t.equal((await order(false)).result, 'unchanged')
})

t.test('the guide names every template that is shipped, and its example is one', async t => {
  const guide = readFileSync(join(import.meta.dirname, '../../../docs/provisioning.md'), 'utf8')
  for (const name of templateFiles().keys()) t.match(guide, `\`${name}\``, name)
  const [, example = ''] = /```yaml\n(.*?)```/s.exec(guide) ?? []
  const { variables } = parseTemplate(example, 'docs/provisioning.md')
  t.same(Object.keys(variables), ['name', 'ntp', 'key'])
})
