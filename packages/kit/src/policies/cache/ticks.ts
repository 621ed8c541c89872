/** Names in one question, beyond which the next one is begun. */
const MAX_NAMES = 1_000

/**
 * Joins the questions of one tick into one. A question is never joined to one that has been sent
 * already: its answer could be older than the question.
 */
export function createTicks<Answer>(ask: (names: readonly string[]) => Promise<Answer>) {
  let open: { readonly names: Set<string>; readonly answer: Promise<Answer> } | undefined

  function begin() {
    const names = new Set<string>()
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const question = { names, answer: promise }
    setImmediate(() => {
      if (open === question) open = undefined
      resolve(ask([...names]))
    })
    return question
  }

  return {
    /** The answer to a question that has at least these names in it. */
    read(names: readonly string[]): Promise<Answer> {
      if (!open || open.names.size >= MAX_NAMES) open = begin()
      for (const name of names) open.names.add(name)
      return open.answer
    },
  }
}
