/**
 * Resolves with the name of the first SIGTERM or SIGINT. Ask before the work begins: a signal that comes meanwhile is
 * kept, instead of ending the process in the middle. A second one ends it at once.
 */
export function stopSignal(): Promise<string> {
  return new Promise(resolve => {
    const taken = (signal: string) => {
      for (const each of signals) process.removeListener(each, taken)
      resolve(signal)
    }
    for (const each of signals) process.on(each, taken)
  })
}

const signals = ['SIGTERM', 'SIGINT'] as const
