import { DriverError, type Provisioning } from '../../agent/model/index.js'

/** One thing that is to be on the router. */
export interface Step {
  readonly menu: string
  /** What finds the row. */
  readonly key: readonly [property: string, value: string]
  /** What it is to have. */
  readonly set: Readonly<Record<string, string>>
  /** Properties that the router may not show, and that no error or answer may. */
  readonly secret: readonly string[]
}

type Values = Provisioning['values']
type Template = (values: Read) => readonly Step[]

/** What is made of the values: `text` must be there, `maybe` need not. */
interface Read {
  readonly text: (name: string) => string
  readonly maybe: (name: string) => string | undefined
  readonly rate: () => string
}

const COMMENT = 'made by turnpike'

const templates: Readonly<Record<string, Template>> = {
  'ppp-secret': read => [secret(read)],
  'simple-queue': read => [queue(read.text('name'), read.text('target'), read.rate())],
  'dhcp-lease': read => [lease(read)],
  'ppp-subscriber': read => {
    const step = secret(read)
    const { name = '', service = 'pppoe' } = step.set
    return [step, queue(name, `<${service}-${name}>`, read.rate())]
  },
  'ipoe-subscriber': read => [
    lease(read),
    queue(read.maybe('name') ?? read.text('address'), read.text('address'), read.rate())
  ]
}

/**
 * The steps of a template. Values: `ppp-secret` name, password, service, profile, remoteAddress; `dhcp-lease` mac,
 * address, server, and up and down for its rate; `simple-queue` name, target, up, down (bit/s); `ppp-subscriber` and
 * `ipoe-subscriber` a secret or a lease, with a queue.
 * @throws DriverError `UNSUPPORTED` naming the template or value that is missing, before anything is sent
 */
export function stepsOf({ template, values }: Provisioning): readonly Step[] {
  const make = Object.hasOwn(templates, template) ? templates[template] : undefined
  if (make === undefined) {
    throw new DriverError(
      'UNSUPPORTED',
      `There is no template ${template} for MikroTik routers. There are: ${Object.keys(templates).join(', ')}.`
    )
  }
  return make(reader(template, values))
}

function secret({ text, maybe }: Read): Step {
  const [profile, remote] = [maybe('profile'), maybe('remoteAddress')]
  const name = text('name')
  return {
    menu: '/ppp/secret',
    key: ['name', name],
    set: {
      name,
      password: text('password'),
      service: maybe('service') ?? 'pppoe',
      ...(profile !== undefined && { profile }),
      ...(remote !== undefined && { 'remote-address': remote }),
      comment: COMMENT
    },
    secret: ['password']
  }
}

function lease({ text, maybe, rate }: Read): Step {
  const mac = text('mac').toUpperCase()
  const server = maybe('server')
  return {
    menu: '/ip/dhcp-server/lease',
    key: ['mac-address', mac],
    set: {
      'mac-address': mac,
      address: text('address'),
      ...(server !== undefined && { server }),
      ...(maybe('up') !== undefined && { 'rate-limit': rate() }),
      comment: COMMENT
    },
    secret: []
  }
}

function queue(name: string, target: string, rate: string): Step {
  return {
    menu: '/queue/simple',
    key: ['name', name],
    set: { name, target, 'max-limit': rate, comment: COMMENT },
    secret: []
  }
}

function reader(template: string, values: Values): Read {
  const maybe = (name: string): string | undefined => {
    const value = values[name]
    return value === undefined || value === '' ? undefined : String(value)
  }
  const text = (name: string): string => {
    const value = maybe(name)
    if (value !== undefined) return value
    throw new DriverError('UNSUPPORTED', `The template ${template} needs the value ${name}. Nothing was changed.`)
  }
  const bits = (name: string): string => {
    const value = text(name)
    if (/^[1-9]\d{0,12}$/.test(value)) return value
    throw new DriverError('UNSUPPORTED', `The value ${name} of ${template} is a rate in bit/s: digits only.`)
  }
  return { text, maybe, rate: () => `${bits('up')}/${bits('down')}` }
}
