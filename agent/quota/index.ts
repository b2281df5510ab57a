/** Quotas counted across sessions, out of the ledger. */
export { type Count, type Quota, type Threshold } from './count.js'
export { type QuotaDocuments, Quotas, type QuotasOptions } from './quotas.js'
