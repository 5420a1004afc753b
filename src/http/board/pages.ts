/** Our own pages beside those of Bull Board: login, logout, the record of a job. Plain HTML, no script. */

import { escaped } from '../escaped.ts'

const style = `
:root { color-scheme: light dark; --line: light-dark(#d4d9e0, #333b47); --soft: light-dark(#5b6675, #9aa6b5);
  --paper: light-dark(#fff, #1b212a); --bad: light-dark(#b3261e, #ff9b93) }
* { box-sizing: border-box }
body { margin: 0; font: 15px/1.5 system-ui, 'PingFang SC', 'Microsoft YaHei', sans-serif; background: light-dark(#f3f5f8, #12161c) }
main { max-width: 60rem; margin: 2.5rem auto; padding: 1.75rem 2rem; background: var(--paper); border: 1px solid var(--line); border-radius: 10px }
main.narrow { max-width: 23rem; margin-top: 16vh }
h1 { margin: 0 0 1.25rem; font-size: 1.25rem; overflow-wrap: anywhere }
h2 { margin: 1.75rem 0 .5rem; font-size: 1rem }
label { display: block; margin-bottom: .9rem; color: var(--soft); font-size: .9rem }
input { display: block; width: 100%; margin-top: .25rem; padding: .5rem .65rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 6px }
button { width: 100%; padding: .55rem; font: inherit; font-weight: 600; color: #fff; background: #2f6feb; border: 0; border-radius: 6px; cursor: pointer }
p { margin: 0 0 1rem } .bad { color: var(--bad) } .soft { color: var(--soft) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.5rem; margin: 0 } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
pre { margin: 0; padding: .9rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; border: 1px solid var(--line); border-radius: 6px }
`

const page = (title: string, kind: '' | 'narrow', body: string): string =>
  `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><link rel="icon" href="data:,">
<title>${escaped(title)}</title><style>${style}</style></head>
<body><main class="${kind}"><h1>${escaped(title)}</h1>
${body}
</main></body></html>`

/** `trouble`: why it is shown again. `next`: where to go then; checked by whoever calls. */
export const loginPage = (action: string, next: string, trouble?: string): string =>
  page(
    'wecom-media',
    'narrow',
    `${trouble === undefined ? '' : `<p class="bad" role="alert">${escaped(trouble)}</p>`}
<form method="post" action="${escaped(action)}">
<input type="hidden" name="next" value="${escaped(next)}">
<label>User<input name="user" autocomplete="username" required autofocus></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button>Log in</button>
</form>`,
  )

export const logoutPage = (action: string): string =>
  page(
    'wecom-media',
    'narrow',
    `<form method="post" action="${escaped(action)}"><button>Log out</button></form>`,
  )

/** Facts as rows, documents as JSON. */
export const recordPage = (
  title: string,
  facts: Readonly<Record<string, string>>,
  documents: Readonly<Record<string, unknown>>,
): string =>
  page(
    title,
    '',
    `<dl>${Object.entries(facts)
      .map(([name, text]) => `<dt>${escaped(name)}</dt><dd>${escaped(text)}</dd>`)
      .join('\n')}</dl>
${Object.entries(documents)
  .map(([name, value]) => `<h2>${escaped(name)}</h2><pre>${escaped(JSON.stringify(value, null, 2))}</pre>`)
  .join('\n')}`,
  )
