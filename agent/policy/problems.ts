/** An attribute of a document that cannot be sent. */
export interface AttributeProblem {
  readonly attribute: string
  /** `profile home-100`, `subscriber sub_1` */
  readonly whose: string
  readonly why: string
}

const MOST = 200

/** The attributes of documents that cannot be sent, for the log (once each name) and for whoever asks after the agent. */
export class AttributeProblems {
  readonly #standing = new Map<string, readonly AttributeProblem[]>()
  readonly #told = new Set<string>()

  /**
   * What a document's attributes came to; none removes what stood against it.
   * @returns those whose attribute was never told before
   */
  found(whose: string, problems: readonly Omit<AttributeProblem, 'whose'>[]): readonly AttributeProblem[] {
    this.#standing.delete(whose)
    const all = problems.map(problem => ({ ...problem, whose }))
    if (all.length > 0 && this.#standing.size < MOST) this.#standing.set(whose, all)
    return all.filter(({ attribute }) => {
      const isNew = !this.#told.has(attribute) && this.#told.size < MOST
      if (isNew) this.#told.add(attribute)
      return isNew
    })
  }

  /** Those that stand; at most 200 documents. */
  list(): readonly AttributeProblem[] {
    return [...this.#standing.values()].flat()
  }

  /** One sentence an attribute, for whoever asks what needs a person. */
  words(): string[] {
    const byName = new Map<string, AttributeProblem[]>()
    for (const problem of this.list())
      byName.set(problem.attribute, [...(byName.get(problem.attribute) ?? []), problem])
    return [...byName].map(([attribute, all]) => {
      const [first] = all
      const others = all.length > 1 ? ` and ${all.length - 1} more documents` : ''
      return `The attribute ${attribute} of ${first?.whose}${others} cannot be sent: ${first?.why}`
    })
  }
}
