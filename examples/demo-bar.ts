/** Shows how far something is, on one line of a terminal; elsewhere, as in a log, by quarters. */
export interface ProgressBar {
  /** `share` is from 0 to 1. */
  show(share: number, note: string): void
  /** Leaves the line as it is, for others to write below. */
  leave(): void
}

const WIDTH = 30

export function createBar({
  isTTY,
  write,
}: {
  isTTY: boolean
  write: (text: string) => void
}): ProgressBar {
  let isOpen = false
  let quarter = -1
  return {
    show(share, note) {
      const done = Math.round(share * WIDTH)
      const percent = `${Math.floor(share * 100)} %`.padStart(5)
      const line = `  [${'#'.repeat(done)}${'.'.repeat(WIDTH - done)}] ${percent}  ${note}`
      if (isTTY) {
        write(`\r${line}\x1b[K`)
        isOpen = true
      } else if (Math.floor(share * 4) > quarter) {
        quarter = Math.floor(share * 4)
        write(`${line}\n`)
      }
    },
    leave() {
      if (isOpen) write('\n')
      isOpen = false
    },
  }
}
