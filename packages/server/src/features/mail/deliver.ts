import { Failure, isFailure, type StepOutcome, type TaskContext } from '@tautline/kit'

import { MAIL_SERVER_AWAY } from './errors.ts'
import type { Message } from './message.ts'
import { NotSent } from './not-sent.ts'
import type { Postbox } from './postbox.ts'

/** Tries of one mail that the server puts off; between two of them the task waits. */
const MAX_TRIES = 10

/** A mail, and the name that it has within its task. */
export interface Parcel {
  readonly key: string
  readonly message: Message
}

/** What has become of a mail. `put off`: it is to be tried by an attempt that comes later. */
export interface Delivery {
  readonly outcome: StepOutcome<unknown>['status'] | 'put off'
  /** What the server said, or what stood in the way. */
  readonly said: string | null
}

/** What a try came to that has certainly come to something; the ledger has it as done. */
interface Try {
  readonly is: 'taken' | 'refused' | 'put off' | 'away'
  readonly said: string
}

/**
 * Sends a mail once at most. Each try is a step of its own, and the next one is begun only when it is
 * known that the one before it came to nothing. Throws `MAIL_SERVER_AWAY` where the server takes no mail
 * at all at the moment, which counts for no try.
 */
export async function deliver(
  { step }: Pick<TaskContext, 'step'>,
  postbox: Postbox,
  { key, message }: Parcel,
): Promise<Delivery> {
  for (let place = 1, tries = 1; ; place++) {
    const outcome = await step(`${key}.${place}`, () => tryOnce(postbox, message))
    if (outcome.status === 'unknown') return { outcome: 'unknown', said: null }
    if (outcome.status === 'failed') return { outcome: 'failed', said: outcome.error }
    const { is, said } = outcome.value
    if (is === 'taken') return { outcome: 'done', said }
    if (is === 'away') {
      if (!outcome.isReplay) throw new Failure(MAIL_SERVER_AWAY)
    } else if (is === 'refused' || tries++ === MAX_TRIES) return { outcome: 'failed', said }
    else if (!outcome.isReplay) return { outcome: 'put off', said }
  }
}

async function tryOnce(postbox: Postbox, message: Message): Promise<Try> {
  try {
    return { is: 'taken', said: await postbox.leave(message) }
  } catch (error) {
    if (error instanceof NotSent) {
      return { is: error.why === 'cut off' ? 'put off' : error.why, said: error.message }
    }
    if (isFailure(error) && error.reason === MAIL_SERVER_AWAY.reason) {
      return { is: 'away', said: error.message }
    }
    throw error
  }
}
