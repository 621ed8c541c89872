import { setImmediate } from 'node:timers/promises'

/** A question that waits for its turn. */
interface Waiting<Q, A> {
  readonly question: Q
  readonly resolve: (answer: A) => void
  readonly reject: (error: unknown) => void
}

export interface GatherOptions<Q, A> {
  /** Answers some questions at once, in their order. */
  readonly run: (questions: readonly Q[]) => Promise<readonly A[]>
  /** Questions that are answered at once, at most. */
  readonly most: number
}

/**
 * Answers together what is asked in one turn of the event loop, and while earlier questions are being
 * answered. Under load many attempts begin and end by one statement; without, each by its own, at once.
 * An error is the error of all who asked together.
 */
export function gather<Q, A>({ run, most }: GatherOptions<Q, A>): (question: Q) => Promise<A> {
  const waiting: Waiting<Q, A>[] = []
  let isAnswering = false

  /** One after the other: what comes meanwhile goes together. */
  async function answerAll(): Promise<void> {
    await setImmediate()
    while (waiting.length > 0) await answer(waiting.splice(0, most))
    isAnswering = false
  }

  /** Never rejects: those who asked are told. */
  async function answer(asked: readonly Waiting<Q, A>[]): Promise<void> {
    try {
      const answers = await run(asked.map(({ question }) => question))
      for (const [index, { resolve, reject }] of asked.entries()) {
        const given = answers[index]
        if (given === undefined) reject(new RangeError('There are fewer answers than questions.'))
        else resolve(given)
      }
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }

  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, resolve, reject })
      if (isAnswering) return
      isAnswering = true
      answerAll().catch(reject)
    })
}
