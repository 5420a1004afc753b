/** Text as a part of an HTML page, also inside of quotes: what has a meaning there has none any more. */

export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
