import { watch, type FSWatcher } from 'node:fs'
import { dirname, extname } from 'node:path'

/** Editors write a file in several steps; they count as one edit within this time. */
const SETTLE_MS = 50

const SOURCES = new Set(['.ts', '.js', '.json'])

/** Watches the folders of some files. */
export interface FileWatcher {
  /** Watches the folders of these files too, anew if it did already. */
  watch(files: readonly string[]): void
  /** Whether there is anything that could change. */
  watches(): boolean
  close(): void
}

/**
 * Calls `changed` after an edit. Whole folders are watched, not files: an editor that replaces a
 * file leaves a watch on the old one behind, and a new migration was never loaded before.
 */
export function watchFiles(changed: () => void): FileWatcher {
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined

  function onChange(name: string | null) {
    if (name === null || !SOURCES.has(extname(name)) || /\.test(-d)?\.ts$/.test(name)) return
    clearTimeout(timer)
    timer = setTimeout(changed, SETTLE_MS)
  }

  return {
    watch(files) {
      for (const folder of new Set(files.map((file) => dirname(file)))) {
        const watcher = watch(folder, (_, name) => onChange(name))
        watcher.on('error', () => watcher.close()) // the folder is gone
        // The old one may watch a folder that git has removed and made again.
        watchers.get(folder)?.close()
        watchers.set(folder, watcher)
      }
    },
    watches: () => watchers.size > 0,
    close() {
      clearTimeout(timer)
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}
