import { lacking } from '../../sandbox/network/index.js'

const lack = lacking()

/** Why tests in network namespaces cannot run here; false where they can. On CI an absent program is a failure. */
export const withoutNamespaces =
  lack !== undefined && !(lack.absent && process.env['CI'] === 'true') ? lack.words : false
