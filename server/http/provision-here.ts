import { type Applied, DriverError, driverErrors } from '../../agent/model/index.js'
import {
  type Provisioner,
  ProvisioningError,
  provisioningErrors,
  type ProvisionOrder
} from '../../agent/provisioning/index.js'
import { ApiError } from './errors.js'

/**
 * Does an order that came over the local API. It goes on when the caller hangs up: half of it is no help.
 * @throws ApiError `API_PROVISIONING`, `API_DEVICE`
 */
export async function provisionHere(provisioner: Provisioner, order: ProvisionOrder): Promise<Applied> {
  try {
    return await provisioner.provision(order, 'here', new AbortController().signal)
  } catch (cause) {
    if (cause instanceof ProvisioningError) {
      const remedy = provisioningErrors[cause.code]
      throw new ApiError('API_PROVISIONING', cause.message, { cause, remedy })
    }
    if (!(cause instanceof DriverError)) throw cause
    const { remedy } = driverErrors[cause.code]
    throw new ApiError('API_DEVICE', `${order.device}: ${cause.message}`, { cause, remedy })
  }
}
