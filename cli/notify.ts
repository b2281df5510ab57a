import { spawn } from 'node:child_process'

/**
 * Tells systemd how the service is doing, by its own `systemd-notify`. Says nothing where the process was not started
 * by systemd. The unit needs NotifyAccess=all, since a child process speaks.
 * @see sd_notify(3)
 */
export class Notifier {
  readonly #enabled: boolean
  readonly #watchdogMs: number
  #watchdog: NodeJS.Timeout | undefined

  constructor(environment: NodeJS.ProcessEnv = process.env) {
    this.#enabled = (environment['NOTIFY_SOCKET'] ?? '') !== ''
    this.#watchdogMs = Number(environment['WATCHDOG_USEC'] ?? 0) / 1000
  }

  /** Ready, with a line for `systemctl status`; from now on the watchdog is fed, as long as the event loop turns. */
  ready(status: string): void {
    this.#send('--ready', `--status=${status}`)
    if (!this.#enabled || !(this.#watchdogMs > 0)) return
    this.#watchdog = setInterval(() => this.#send('WATCHDOG=1'), this.#watchdogMs / 2)
    this.#watchdog.unref()
  }

  stopping(status: string): void {
    clearInterval(this.#watchdog)
    this.#send('STOPPING=1', `--status=${status}`)
  }

  #send(...words: string[]): void {
    if (!this.#enabled) return
    const child = spawn('systemd-notify', words, { stdio: 'ignore' })
    // Without systemd-notify the unit times out and systemd itself says so.
    child.on('error', () => undefined)
    child.unref()
  }
}
