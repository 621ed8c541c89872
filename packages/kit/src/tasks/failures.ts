import { defineError } from '@tautline/shared'

/** Also for a task of somebody else: who may not see it learns nothing of it. */
export const TASK_NOT_FOUND = defineError('TASK_NOT_FOUND', {
  code: 'NOT_FOUND',
  message: 'There is no such task.',
})
