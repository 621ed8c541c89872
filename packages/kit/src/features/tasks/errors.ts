import { z } from 'zod'

import { defineError, taskStates } from '@tautline/shared'

const State = z.enum(taskStates)

export const TASK_FINISHED = defineError('TASK_FINISHED', {
  code: 'CONFLICT',
  message: 'This task has ended already.',
  data: z.object({ state: State }),
})

export const TASK_NOT_RETRYABLE = defineError('TASK_NOT_RETRYABLE', {
  code: 'CONFLICT',
  message: 'This task has not failed, or another one is in its place.',
  data: z.object({
    state: State,
    /** The unfinished task in its place. */
    duplicateOf: z.string().optional(),
  }),
})
