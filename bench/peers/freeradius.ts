/*
 * Debian's FreeRADIUS as a peer: a lean configuration in a directory of its own, on ports of its own. It answers from
 * its users file and writes a detail file, or does both by rlm_sql on PostgreSQL.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Peer } from './agent.js'
import { programAt, start } from './child.js'
import type { Postgres } from './postgres.js'

const shipped = '/etc/freeradius/3.0'
const THREADS = 16

/** Why there can be no FreeRADIUS here; undefined when there can. */
export function lacksFreeradius(): string | undefined {
  return programAt('freeradius') === undefined ? 'needs FreeRADIUS (apt-get install freeradius)' : undefined
}

/** Why there can be none with rlm_sql on PostgreSQL; undefined when there can. */
export function lacksFreeradiusSql(): string | undefined {
  return existsSync('/usr/lib/freeradius/rlm_sql_postgresql.so')
    ? lacksFreeradius()
    : 'needs rlm_sql_postgresql (apt-get install freeradius-postgresql)'
}

/** Starts it. @param database  for rlm_sql; without it, users file and detail file */
export async function startFreeradius(
  directory: string,
  secret: string,
  users: number,
  database?: Postgres
): Promise<Peer> {
  const program = programAt('freeradius')
  if (program === undefined) throw new Error('FreeRADIUS is not installed')
  const [authentication, accounting] = [await freePort(), await freePort()]
  mkdirSync(join(directory, 'detail'), { recursive: true })
  writeFileSync(join(directory, 'users'), usersFile(users))
  const file = join(directory, 'radiusd.conf')
  writeFileSync(file, configuration({ directory, secret, authentication, accounting, database }))
  chmodSync(file, 0o640)
  const server = await start(
    program,
    ['-f', '-l', 'stdout', '-d', directory, '-n', 'radiusd'],
    /Ready to process requests/
  )
  const name = database === undefined ? 'freeradius-files' : 'freeradius-postgresql'
  const pids = [server.pid, ...(database === undefined ? [] : [database.pid])]
  return { name, authentication, accounting, pids, stop: server.stop }
}

function usersFile(count: number): string {
  const entry = (n: number) => `user${n} Cleartext-Password := "pw${n}"\n\tMikrotik-Rate-Limit = "20M/20M"\n`
  return Array.from({ length: count }, (_, n) => entry(n)).join('')
}

interface Wanted {
  readonly directory: string
  readonly secret: string
  readonly authentication: number
  readonly accounting: number
  readonly database: Postgres | undefined
}

function configuration(wanted: Wanted): string {
  const { directory, secret, database } = wanted
  return `
prefix = /usr
libdir = /usr/lib/freeradius
logdir = ${directory}
run_dir = ${directory}
raddbdir = ${directory}
confdir = ${directory}
modconfdir = ${shipped}/mods-config
max_requests = 65536
correct_escapes = true
client bench {
  ipaddr = 127.0.0.1
  secret = ${secret}
  require_message_authenticator = no
}
thread pool {
  start_servers = ${THREADS}
  max_servers = ${THREADS}
  min_spare_servers = ${THREADS}
  max_spare_servers = ${THREADS}
  max_queue_size = 65536
}
modules {
  expr { safe_characters = "@abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_: /" }
  pap { }
  chap { }
  mschap { }
${database === undefined ? plainModules(directory) : sqlModule(database)}
}
policy {
  $INCLUDE ${shipped}/policy.d/accounting
}
${site(wanted)}`
}

function plainModules(directory: string): string {
  return `
  files {
    usersfile = ${directory}/users
  }
  detail {
    filename = ${directory}/detail/detail
    permissions = 0600
    header = "%t"
    locking = no
  }`
}

function sqlModule({ socket, port }: Postgres): string {
  return `
  sql {
    driver = "rlm_sql_postgresql"
    dialect = "postgresql"
    server = "${socket}"
    port = ${port}
    login = "bench"
    radius_db = "postgres"
    acct_table1 = "radacct"
    acct_table2 = "radacct"
    postauth_table = "radpostauth"
    authcheck_table = "radcheck"
    authreply_table = "radreply"
    groupcheck_table = "radgroupcheck"
    groupreply_table = "radgroupreply"
    usergroup_table = "radusergroup"
    client_table = "nas"
    group_attribute = "SQL-Group"
    read_groups = no
    read_clients = no
    delete_stale_sessions = no
    pool {
      start = ${THREADS}
      min = ${THREADS}
      max = ${THREADS}
      spare = 0
      uses = 0
      lifetime = 0
      idle_timeout = 0
    }
    $INCLUDE ${shipped}/mods-config/sql/main/postgresql/queries.conf
  }`
}

function site({ authentication, accounting, database }: Wanted): string {
  return `
server bench {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = ${authentication}
    recv_buff = 8388608
  }
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = ${accounting}
    recv_buff = 8388608
  }
  authorize {
    chap
    mschap
    ${database === undefined ? 'files' : 'sql'}
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
    Auth-Type CHAP {
      chap
    }
    mschap
  }
  preacct {
    acct_unique
  }
  accounting {
    ${database === undefined ? 'detail' : 'sql'}
  }
}
`
}

/** A UDP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>(resolve => socket.close(() => resolve()))
  return port
}
