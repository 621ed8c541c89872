import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where backends keep files whose tests care about none: in production they have to be told. */
export const FILES_FOLDER = join(tmpdir(), 'tautline-e2e-files')
