import { isAbsolute } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../errors.js'
import { BackedUp, BackupBody } from '../schemas.js'
import type { RouteOptions } from './options.js'

/** A copy of the ledger while it is in use. */
export function ledgerRoutes(api: FastifyInstance, { view, changing }: RouteOptions): void {
  const backup = {
    summary: 'Copy the ledger, as it is now, into a directory on this box; answers when the copy is complete',
    body: BackupBody,
    response: { 200: BackedUp }
  }
  api.post<{ Body: BackupBody }>('/v1/ledger/backup', { schema: backup, config: changing }, async request => {
    const { directory } = request.body
    if (!isAbsolute(directory)) throw new ApiError('API_BAD_REQUEST', `${directory} is not an absolute path.`)
    return { head: await view.backup(directory) }
  })
}
