/** Bold on a terminal. */
export const bold = (text: string): string => (process.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : text)

export const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** A line of what happens, with the time. */
export const step = (text: string): void => say(`  ${new Date().toISOString().slice(11, 23)}  ${text}`)
