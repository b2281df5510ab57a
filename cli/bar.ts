const FULL = 30

/** Whether there is a terminal on which a bar is seen, on standard error. */
export function isBarSeen(): boolean {
  return process.stderr.isTTY
}

/** Draws how far something is over what was drawn before. @param share from 0 to 1 */
export function drawBar(share: number): void {
  const bar = '█'.repeat(Math.round(share * FULL)).padEnd(FULL, '░')
  process.stderr.write(`\r${bar} ${Math.round(share * 100)} %`)
}

/** Takes the bar away, so that words can stand in its place. */
export function clearBar(): void {
  process.stderr.write('\r\u001b[K')
}
