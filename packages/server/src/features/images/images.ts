import { imagesRouter } from './router.ts'
import { processTask } from './tasks.ts'

/** What is made of users' images. */
export const images = { router: imagesRouter, tasks: [processTask] }
