import type { RawOptions } from '../rpc/raw-gates.ts'
import { FILES_PATH, type FilesDefinition } from './definition.ts'
import { download } from './download.ts'
import { createTransfer, type FileHandler } from './transfer.ts'
import { upload } from './upload.ts'

/** Serves files: `POST /files`, `GET /files/<id>`. */
export function createFileHandler(definition: FilesDefinition, options: RawOptions): FileHandler {
  const uploads = createTransfer(
    {
      kind: 'upload',
      path: FILES_PATH,
      policy: definition.upload,
      run: upload,
    },
    options,
  )
  const downloads = createTransfer(
    {
      kind: 'download',
      path: `${FILES_PATH}/:id`,
      policy: definition.download,
      run: download,
    },
    options,
  )
  return (http) => (http.url.pathname === FILES_PATH ? uploads(http) : downloads(http))
}
