/** Counts again and again until `end` settles, and gives the highest count. */
export async function mostWhile(
  end: Promise<unknown>,
  count: () => Promise<number>,
): Promise<number> {
  const over = new AbortController()
  const stop = () => over.abort()
  end.then(stop, stop)
  let most = 0
  while (!over.signal.aborted) most = Math.max(most, await count())
  return most
}
