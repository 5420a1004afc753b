/** JSON from outside, read strictly: an object without repeated keys, or nothing. A guess here could hide a refusal. */

export type JsonObject = Readonly<Record<string, unknown>>

/** The object in these bytes; undefined when there is none, or when a key appears twice. */
export function jsonObject(bytes: Buffer): JsonObject | undefined {
  // The decoder drops a byte order mark, which JSON.parse would refuse.
  const text = new TextDecoder().decode(bytes)
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return hasRepeatedKey(text) ? undefined : (value as JsonObject)
  } catch {
    return undefined
  }
}

/**
 * JSON.parse keeps the last of two equal keys, another reader keeps the first: such an answer means nothing.
 * The text is valid JSON here, so a string right before a colon is a key.
 */
function hasRepeatedKey(text: string): boolean {
  const open: Set<string>[] = []
  for (const [token, key] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (key !== undefined) {
      const keys = open.at(-1)
      const name: string = JSON.parse(key)
      if (keys?.has(name)) return true
      keys?.add(name)
    }
  }
  return false
}
