/** Lets one wait until others have something for them. */
export interface Waker {
  /** Ends the wait, or the next one where nobody waits. */
  readonly wake: () => void
  readonly wait: () => Promise<void>
}

export function createWaker(): Waker {
  let isAwake = false
  let resolve: (() => void) | undefined
  return {
    wake() {
      isAwake = true
      resolve?.()
    },
    async wait() {
      if (!isAwake) {
        await new Promise<void>((settle) => {
          resolve = settle
        })
      }
      resolve = undefined
      isAwake = false
    },
  }
}
