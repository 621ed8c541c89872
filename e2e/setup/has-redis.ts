import { findProgram } from './find-program.ts'

/** Where a Redis server is, if it is on this machine. */
export const redisPath = findProgram('redis-server')
