import type { Profile, Subscriber } from '../model/index.js'
import type { PolicySettings } from './settings.js'

const LEAST = 60 // RFC 2869 §5.16; hostapd takes no less either
const SPREAD = 0.1

/**
 * Seconds between a session's reports: what the profile or the settings ask for, off by up to 10 % either way so that
 * a power cut does not make all NASes report together. Always the same for a subscriber: a re-login changes nothing.
 */
export function interimInterval(
  subscriber: Subscriber,
  profile: Profile | undefined,
  settings: PolicySettings
): number {
  const base = profile?.interimInterval ?? settings.interimInterval
  return Math.max(LEAST, Math.round(base * (1 - SPREAD + 2 * SPREAD * fraction(subscriber.id))))
}

// FNV-1a, then the bits mixed: ids that differ in their last digit must lie far apart. 0 to 1.
function fraction(id: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 0xffffffff
}
