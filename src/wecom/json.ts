/** JSON from outside, read strictly: an object without repeated keys, or nothing. A guess here could hide a refusal. */

export type JsonObject = Readonly<Record<string, unknown>>

/** It drops a byte order mark, which JSON.parse would refuse. */
const decoder = new TextDecoder()

/** The object in these bytes; undefined when there is none, or when a key appears twice. */
export function jsonObject(bytes: Buffer): JsonObject | undefined {
  const text = decoder.decode(bytes)
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return isFlat(text, value) || !hasRepeatedKey(text) ? (value as JsonObject) : undefined
  } catch {
    return undefined
  }
}

/** As many keys as there are at most in the text: so none came twice, and none is deeper. Most answers are like that. */
const isFlat = (text: string, value: object): boolean =>
  text.match(/"\s*:/g)?.length === Object.keys(value).length

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
