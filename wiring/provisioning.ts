import { portsOn, type Provisioning, sessionRef, type SubscriberRef, subscriberRef } from '../agent/model/index.js'
import { DeviceCommands, Provisioner, ProvisioningError, type Templates } from '../agent/provisioning/index.js'
import {
  ConfigError,
  listTemplates,
  loadTemplate,
  renderTemplate,
  type Template,
  templateFiles
} from '../config/index.js'
import type { Base } from './base.js'
import type { DeviceDrivers } from './drivers.js'
import type { State } from './state.js'

/** What brings templates onto devices. */
export function makeProvisioner({ config, secrets }: Base, { replica }: State, devices: DeviceDrivers): Provisioner {
  return new Provisioner({
    templates: templatesIn(config.templates),
    device: id => replica.device(id),
    driverOf: devices,
    secretOf: reference => secrets.text(reference),
    subscriber: id => replica.subscriber(id) ?? replica.subscriberByUserName(id)
  })
}

/** Billing's commands about devices, begun; before the uplink, which brings them. */
export function startDeviceCommands({ clock, log, closers }: Base, state: State, provisioner: Provisioner): void {
  const { commands } = state
  const running = new DeviceCommands({
    commands,
    provisioner,
    whoIs: (id, device) => whoIs(state, id, device),
    clock,
    log
  })
  closers.add(() => running.close())
  running.start()
}

/** Read anew for each order: who writes a template tries it at once. */
function templatesIn(own: string | undefined): Templates {
  return {
    list: () => told('PROVISIONING_TEMPLATE', () => listTemplates(own)),
    render: ({ template: name, values, dryRun }, driver, secret) => {
      const template = told('PROVISIONING_TEMPLATE', () => read(own, name))
      const given = Object.entries(values).map(([variable, value]) => {
        const isSecret = template.variables[variable]?.type === 'secret' && typeof value === 'string'
        return [variable, isSecret ? secret(variable, value) : value]
      })
      const all: Provisioning['values'] = Object.fromEntries(given)
      return told('PROVISIONING_VALUES', () => renderTemplate(template, driver, all, { dryRun }))
    }
  }
}

/** @throws ConfigError, ProvisioningError */
function read(own: string | undefined, name: string): Template {
  const files = templateFiles(own)
  const file = files.get(name)
  if (file !== undefined) return loadTemplate(file)
  const words = `There is no template «${name}». There are: ${[...files.keys()].join(', ')}.`
  throw new ProvisioningError('PROVISIONING_TEMPLATE', words)
}

function told<T>(code: 'PROVISIONING_TEMPLATE' | 'PROVISIONING_VALUES', act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof ConfigError) throw new ProvisioningError(code, error.message, { cause: error })
    throw error
  }
}

/** A subscriber as the driver of a device must find them there. */
function whoIs({ replica, sessions }: State, id: string, device: string): SubscriberRef | undefined {
  const subscriber = replica.subscriber(id) ?? replica.subscriberByUserName(id)
  if (subscriber === undefined) return undefined
  const open = sessions.ofSubscriber(subscriber.id)
  const known = {
    id: subscriber.id,
    userName: subscriber.username,
    ports: portsOn(device, subscriber),
    sessions: open.map(sessionRef),
    full: { kind: 'full', reason: '', attributes: [] }
  } as const
  return subscriberRef(subscriber, known, open.find(({ framedIpv4 }) => framedIpv4 !== '')?.framedIpv4)
}
