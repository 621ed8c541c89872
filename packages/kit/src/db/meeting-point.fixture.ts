/** A place in the middle of something: whoever arrives stays until it is let go. */
export interface MeetingPoint {
  /** Resolves when `letGo` is called. */
  arrive(): Promise<void>
  /** Resolves when this many have arrived and none of them has been let go. */
  met(count: number): Promise<void>
  letGo(): void
}

export function meetingPoint(): MeetingPoint {
  let here: (() => void)[] = []
  let watchers: (() => void)[] = []
  const tell = () => watchers.splice(0).forEach((watcher) => watcher())
  const arrival = () => new Promise<void>((resolve) => watchers.push(resolve))
  return {
    arrive: () =>
      new Promise((resolve) => {
        here.push(resolve)
        tell()
      }),
    async met(count) {
      while (here.length < count) await arrival()
    },
    letGo() {
      const leaving = here
      here = []
      watchers = []
      for (const leave of leaving) leave()
    },
  }
}
