import { reportsRouter } from './router.ts'
import { computeTask } from './tasks.ts'

/** What is found out about users' items. */
export const reports = { router: reportsRouter, tasks: [computeTask] }
