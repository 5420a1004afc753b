/** Reading a page of metrics. */

/** Lines of the page -> values by series, as they are written there. */
export const seriesOf = (page: string): Map<string, number> =>
  new Map(
    page
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'))
      .map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
