/** What one check found. `words` says what is so; where it is not ok, what to do. */
export interface Finding {
  readonly ok: boolean
  readonly subject: string
  readonly words: string
}

export function ok(subject: string, words: string): Finding {
  return { ok: true, subject, words }
}

export function fix(subject: string, words: string): Finding {
  return { ok: false, subject, words }
}
