/** What each code means, and what an engineer should do next. */
export const ledgerErrors = {
  LEDGER_FULL:
    'More records wait for the disk than the queue may hold. The disk is too slow for the load: look at its latency (iostat -x), or raise the bound',
  LEDGER_BROKEN:
    'A write to the disk failed. Nothing is acknowledged until the ledger has been opened again, which it tries by itself; look at the kernel log (dmesg) for the disk',
  LEDGER_NO_SPACE:
    'The disk is full or the ledger has reached its budget. Free space or raise the budget: records are taken again by themselves as soon as there is room',
  LEDGER_CLOSED: 'The ledger has been closed, usually because the agent is stopping',
  LEDGER_LOCKED:
    'Another process uses this ledger. Stop it (systemctl stop turnpike), or give this one a directory of its own',
  LEDGER_UNREADABLE:
    'The ledger cannot be opened or read: see the cause. If it says "Corruption", run turnpike ledger repair; if it says "Permission denied", give the directory to the user that runs the agent',
  LEDGER_VERSION:
    'The ledger was written by a newer version. Install that version, or give this one a directory of its own',
  LEDGER_BAD_ENTRY:
    'A record or a table key that cannot be stored: a kind outside 1–255, a time that is not whole milliseconds, a payload beyond 16 MiB, or a NUL in a table name. This is a mistake in the program: report it',
  LEDGER_BAD_CURSOR: 'A consumer tried to move beyond what is durable. This is a mistake in the program: report it',
  LEDGER_NOT_EMPTY:
    'The target directory exists and is not empty. Nothing was written; name another one, or move it away first',
  LEDGER_NO_BACKUP:
    'The directory holds no finished backup of a ledger. Look for the directory that turnpike ledger backup wrote'
} as const

export type LedgerErrorCode = keyof typeof ledgerErrors

/** Whatever the ledger refuses or fails at; the cause, when there is one, is LevelDB's or the system's own error. */
export class LedgerError extends Error {
  readonly code: LedgerErrorCode

  /** @param detail what happened in this case, put behind the table's words */
  constructor(code: LedgerErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? ledgerErrors[code] : `${ledgerErrors[code]} (${detail})`, options)
    this.name = 'LedgerError'
    this.code = code
  }
}
