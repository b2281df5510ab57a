import type { Vendor } from '../../model/index.js'
import { accelPpp } from './accel-ppp.js'
import { cisco } from './cisco.js'
import { coova } from './coova.js'
import { h3c } from './h3c.js'
import { huawei } from './huawei.js'
import { juniper } from './juniper.js'
import { mikrotik } from './mikrotik.js'
import { nokia } from './nokia.js'
import { standard } from './standard.js'
import type { Vocabulary } from './vocabulary.js'
import { zte } from './zte.js'

/** How each vendor says things: a table each. */
export const vocabularies: Readonly<Record<Vendor, Vocabulary>> = {
  standard,
  mikrotik,
  cisco,
  juniper,
  huawei,
  h3c,
  zte,
  'accel-ppp': accelPpp,
  coova,
  nokia
}
