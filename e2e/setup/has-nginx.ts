import { findProgram } from './find-program.ts'

/** Where nginx is, if it is on this machine. */
export const nginxPath = findProgram('nginx')
