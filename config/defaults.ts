import { hostname } from 'node:os'
import type { Config } from './config.js'

/** Where the file is looked for when neither `--config` nor TURNPIKE_CONFIG names one. */
export const usualFile = '/etc/turnpike/turnpike.yaml'

/**
 * What holds where the file says nothing: an empty file, or none, gives an agent that runs, listens on loopback only,
 * knows no NAS and keeps its records until it is told where billing is.
 * @param environment  systemd's STATE_DIRECTORY and RUNTIME_DIRECTORY decide where state and socket go
 */
export function defaultConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  return {
    file: undefined,
    data: firstOf(environment['STATE_DIRECTORY']) ?? '/var/lib/turnpike',
    radius: {
      authentication: [{ host: '127.0.0.1', port: 1812 }],
      accounting: [{ host: '127.0.0.1', port: 1813 }],
      messageAuthenticator: 'auto',
      rejectDelay: 1000,
      receiveBuffer: 8 * 2 ** 20,
      dictionaries: []
    },
    nas: [],
    policy: {
      walledGarden: { addressList: 'turnpike-walled' },
      throttle: { down: 1_000_000, up: 512_000 },
      interimInterval: 300,
      sessionTimeoutWalled: 3600,
      replyMessage: false
    },
    pools: [],
    sealing: { previous: [], discardUnreadable: false },
    sessions: { staleAfterMissed: 2, closeAfter: 6 * 3_600_000 },
    enforcement: { proofTimeout: 5000 },
    polling: { interval: 300_000, deadline: 30_000, atOnce: 64 },
    ledger: { retention: 90 * 86_400_000, diskBudget: 20 * 2 ** 30 },
    api: { socket: `${firstOf(environment['RUNTIME_DIRECTORY']) ?? '/run/turnpike'}/api.sock` },
    log: { level: 'info' }
  }
}

/** What holds for `cloud` once it is there. */
export function defaultSource(): string {
  return `/agents/${hostname()}`
}

/** systemd lists several directories with colons between them. */
function firstOf(list: string | undefined): string | undefined {
  return list?.split(':')[0] || undefined
}
