/** Several pieces of work at once: the first failure or finding stops the others, and nothing is still running when it answers. */

/**
 * Runs `work` over the items, at most `parallel` at a time, in order. Answers the first finding (anything but
 * undefined); throws the first failure. Every piece has its own signal, so that stopping the others leaves
 * the finding's own streams alone.
 */
export const together = async <Item, Finding>(
  items: readonly Item[],
  parallel: number,
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<Finding | undefined>,
): Promise<Finding | undefined> => {
  const waiting = [...items]
  const running = new Set<AbortController>()
  let end: { finding: Finding } | { failure: unknown } | undefined

  const stop = (reason: typeof end): void => {
    end ??= reason
    for (const other of running) other.abort()
  }

  const one = async (item: Item): Promise<void> => {
    const own = new AbortController()
    running.add(own)
    try {
      const finding = await work(item, AbortSignal.any([signal, own.signal]))
      running.delete(own)
      // A finding that comes second is nobody's: what it holds open ends with its signal.
      if (end !== undefined) own.abort()
      else if (finding !== undefined) stop({ finding })
    } catch (failure) {
      running.delete(own)
      stop({ failure })
    }
  }

  const runner = async (): Promise<void> => {
    while (end === undefined) {
      const item = waiting.shift()
      if (item === undefined) return
      await one(item)
    }
  }

  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, runner))
  if (end === undefined) return undefined
  if ('failure' in end) throw end.failure
  return end.finding
}
