/* A PostgreSQL of its own for a benchmark: a fresh cluster in a directory, every commit on the disk before it is told. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { programAt, type Running, start } from './child.js'

const VERSIONS = '/usr/lib/postgresql'
const schema = '/etc/freeradius/3.0/mods-config/sql/main/postgresql/schema.sql'

/** A cluster that runs. */
export interface Postgres extends Running {
  /** Directory of its socket: what clients take for a host. */
  readonly socket: string
  readonly port: number
}

/** Why there can be no PostgreSQL here; undefined when there can. */
export function lacksPostgres(): string | undefined {
  if (binaries() === undefined) return 'needs PostgreSQL (apt-get install postgresql)'
  return process.getuid?.() === 0 && userId('postgres') === undefined ? 'needs the user postgres' : undefined
}

/** Starts a cluster with FreeRADIUS's tables and `users` subscribers in them: user0 … with passwords pw0 … */
export async function startPostgres(directory: string, port: number, users: number): Promise<Postgres> {
  const bin = binaries()
  if (bin === undefined) throw new Error('PostgreSQL is not installed')
  mkdirSync(directory, { recursive: true })
  const as = unprivileged(directory)
  const data = join(directory, 'data')
  run(as, [join(bin, 'initdb'), '-D', data, '-A', 'trust', '-U', 'bench', '-E', 'UTF8', '--locale=C.UTF-8'])
  const settings = {
    port,
    listen_addresses: '',
    unix_socket_directories: directory,
    max_connections: 100,
    shared_buffers: '512MB',
    max_wal_size: '4GB',
    fsync: 'on',
    synchronous_commit: 'on'
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const [command = '', ...args] = [...as, join(bin, 'postgres'), '-D', data, ...options]
  const server = await start(command, args, /ready to accept connections/)
  const sql = (text: string) =>
    execFileSync(join(bin, 'psql'), ['-Xq', '-h', directory, '-p', `${port}`, '-U', 'bench', 'postgres'], {
      input: `\\set ON_ERROR_STOP on\n${text}`,
      stdio: ['pipe', 'ignore', 'inherit']
    })
  try {
    sql(readFileSync(schema, 'utf8'))
    sql(subscribersSql(users))
  } catch (error) {
    await server.stop()
    throw error
  }
  return { ...server, socket: directory, port }
}

function subscribersSql(users: number): string {
  return `insert into radcheck (username, attribute, op, value)
         select 'user' || n, 'Cleartext-Password', ':=', 'pw' || n from generate_series(0, ${users - 1}) n;
       insert into radreply (username, attribute, op, value)
         select 'user' || n, 'Mikrotik-Rate-Limit', ':=', '20M/20M' from generate_series(0, ${users - 1}) n;
       vacuum analyze;`
}

// Debian keeps them out of PATH, a directory a version.
function binaries(): string | undefined {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).toSorted((a, b) => Number(b) - Number(a)) : []
  const folders = [...versions.map(version => join(VERSIONS, version, 'bin')), join(programAt('postgres') ?? '/', '..')]
  return folders.find(folder => ['postgres', 'initdb', 'psql'].every(name => existsSync(join(folder, name))))
}

// PostgreSQL refuses to run as root.
function unprivileged(directory: string): string[] {
  if (process.getuid?.() !== 0) return []
  const id = userId('postgres') ?? 0
  chownSync(directory, id, id)
  chmodSync(join(directory, '..'), 0o711)
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups']
}

function userId(name: string): number | undefined {
  const { status, stdout } = spawnSync('id', ['-u', name], { encoding: 'utf8' })
  return status === 0 ? Number(stdout) : undefined
}

function run(as: readonly string[], command: readonly string[]): void {
  const [program = '', ...args] = [...as, ...command]
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}
