import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import type { Nas } from '../agent/model/index.js'
import type { CloudConfig, Config, RawConfig } from './config.js'
import { crossChecks } from './cross-checks.js'
import { defaultConfig, defaultSource, usualFile } from './defaults.js'
import { ConfigError, type Problem, sayProblem } from './errors.js'
import { type ConfigFile, type NasEntry, rootSchema, type SchemaNode } from './schema.js'
import { Source } from './source.js'
import { readAs } from './units.js'
import { validate } from './validate.js'

type Environment = NodeJS.ProcessEnv

/**
 * The configuration file to read: what was asked for, else TURNPIKE_CONFIG, else the usual place if something is there.
 * @returns undefined when there is none: then the defaults hold
 */
export function findConfigFile(asked: string | undefined, environment: Environment = process.env): string | undefined {
  const named = asked ?? environment['TURNPIKE_CONFIG']
  if (named !== undefined && named !== '') return resolve(named)
  return existsSync(usualFile) ? usualFile : undefined
}

/**
 * Reads, checks and completes a configuration file.
 * @param file  its path; undefined gives the defaults
 * @throws ConfigError `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_INVALID`; its message is a line for each problem
 */
export function loadConfig(file: string | undefined, environment: Environment = process.env): Config {
  if (file === undefined) return defaultConfig(environment)
  return parseConfig(readText(file), resolve(file), environment)
}

/**
 * Checks and completes the text of a configuration file.
 * @param file  absolute; names the file in errors, and relative paths start from its directory
 */
export function parseConfig(text: string, file: string, environment: Environment = process.env): Config {
  const source = new Source(text, file)
  const value = withoutEmpty(rootSchema, source.value)
  const problems = validate(source, value)
  if (problems.length > 0) throw invalid(file, problems)
  const given = value as RawConfig
  const conflicts = crossChecks(source, given)
  if (conflicts.length > 0) throw invalid(file, conflicts)
  return complete(given, file, environment)
}

function complete(given: RawConfig, file: string, environment: Environment): Config {
  const filled = fill(rootSchema, given, defaultConfig(environment)) as Omit<Config, 'nas'> & { nas: NasEntry[] }
  const absolute = (path: string) => resolve(dirname(file), path)
  return {
    ...filled,
    file,
    data: absolute(filled.data),
    radius: radiusOf(filled.radius, absolute),
    api: { socket: absolute(filled.api.socket) },
    ...(filled.templates !== undefined && { templates: absolute(filled.templates) }),
    nas: filled.nas.map(entry => nasOf(entry, filled.radius.messageAuthenticator, absolute)),
    sealing: {
      ...filled.sealing,
      previous: filled.sealing.previous.map(reference => absoluteRef(reference, absolute)),
      ...(filled.sealing.key !== undefined && { key: absoluteRef(filled.sealing.key, absolute) })
    },
    ...(filled.proxy?.realms && { proxy: proxyOf(filled.proxy, absolute) }),
    ...(filled.cloud === undefined ? {} : { cloud: cloudOf(filled.cloud, absolute) })
  }
}

/** An entry of the file as a document of the model: what it leaves out is filled in. */
function nasOf(entry: NasEntry, rule: Nas['messageAuthenticator'], absolute: (path: string) => string): Nas {
  const { secret, vendor = 'standard', messageAuthenticator = rule, certificate, ...rest } = entry
  return {
    ...rest,
    vendor,
    ...(certificate && { certificateNames: certificate }),
    secretRef: absoluteRef(secret, absolute),
    ...(messageAuthenticator && { messageAuthenticator })
  }
}

function radiusOf(radius: ConfigFile['radius'], absolute: (path: string) => string): ConfigFile['radius'] {
  const { radsec, eap } = radius
  return {
    ...radius,
    dictionaries: radius.dictionaries.map(absolute),
    ...(radsec && {
      radsec: {
        ...radsec,
        certificate: absolute(radsec.certificate),
        ca: absolute(radsec.ca),
        ...(radsec.crl !== undefined && { crl: absolute(radsec.crl) }),
        key: absoluteRef(radsec.key, absolute)
      }
    }),
    ...(eap && {
      eap: {
        ...eap,
        certificate: absolute(eap.certificate),
        key: absoluteRef(eap.key, absolute),
        ...(eap.ca !== undefined && { ca: absolute(eap.ca) }),
        ...(eap.crl !== undefined && { crl: absolute(eap.crl) })
      }
    })
  }
}

function proxyOf({ realms }: NonNullable<ConfigFile['proxy']>, absolute: (path: string) => string) {
  const serversOf = (servers: (typeof realms)[number]['servers']) =>
    servers.map(server => ({ ...server, secret: absoluteRef(server.secret, absolute) }))
  return { realms: realms.map(realm => ({ ...realm, servers: serversOf(realm.servers) })) }
}

function cloudOf(cloud: NonNullable<ConfigFile['cloud']>, absolute: (path: string) => string): CloudConfig {
  const { source = defaultSource(), ca, certificate, key } = cloud
  return {
    ...cloud,
    source,
    url: cloud.url.replace(/\/+$/, ''),
    token: absoluteRef(cloud.token, absolute),
    ...(ca !== undefined && { ca: absolute(ca) }),
    ...(certificate !== undefined && { certificate: absolute(certificate) }),
    ...(key !== undefined && { key: absoluteRef(key, absolute) })
  }
}

/** Relative `file:` references start from the configuration's directory, not from where the agent was started. */
function absoluteRef(reference: string, absolute: (path: string) => string): string {
  const path = reference.startsWith('file:') ? reference.slice(5) : ''
  return path === '' || isAbsolute(path) ? reference : `file:${absolute(path)}`
}

/** Reads human units and lays what was given over the defaults, section by section. Lists replace, never add. */
function fill(schema: SchemaNode, given: unknown, otherwise: unknown): unknown {
  if (given === undefined) return otherwise
  if (schema.reads !== undefined) return readAs(schema.reads, given as string)
  const { items, properties } = schema
  if (items !== undefined) return (given as unknown[]).map(item => fill(items, item, undefined))
  if (properties === undefined) return given
  const result: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(properties)) {
    const value = fill(inner, (given as Record<string, unknown>)[key], (otherwise as Record<string, unknown>)?.[key])
    if (value !== undefined) result[key] = value
  }
  return result
}

/** A section or list whose keys are all commented out is null in YAML: it is as if it were not there. */
function withoutEmpty(schema: SchemaNode, value: unknown): unknown {
  if (schema.properties === undefined || value === null || typeof value !== 'object' || Array.isArray(value))
    return value
  const result: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) {
    const known = Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined
    const empty = inner === null && (known?.properties !== undefined || known?.items !== undefined)
    if (!empty) result[key] = known === undefined ? inner : withoutEmpty(known, inner)
  }
  return result
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'this user may not read it' : code
    throw new ConfigError('CONFIG_UNREADABLE', `${file} cannot be read: ${reason}. Name another with --config PATH.`, {
      file
    })
  }
}

function invalid(file: string, problems: readonly Problem[]): ConfigError {
  const message = problems.map(problem => sayProblem(file, problem)).join('\n')
  return new ConfigError('CONFIG_INVALID', message, { file, problems })
}
