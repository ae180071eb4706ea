import type { Schema } from '../schemas.ts'
import type { Entry, Export } from '../sdk/exports.ts'
import { type Html, html, type Part } from './html.ts'
import { markdown } from './markdown.ts'
import { fieldTable, schemaView } from './schema.ts'

/**
 * Returns the page of the SDK's interface, which has the policy and the style of `pageOf`. Its links are relative to `/api/docs/`.
 * `schemas` are those of the protocol by their names, with the meanings of fields.
 */
export function sdkPageOf(
  entries: readonly Entry[],
  schemas: Readonly<Record<string, Schema>>,
  version: string,
): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Rabble: the client</title>
<link rel="icon" href="../../favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="style.css">
</head>
<body>
<header>
<h1>Rabble: the client</h1>
<p>Version ${version} · for JavaScript and TypeScript · <a href="../docs">Interfaces of the server</a> · <a href="../../">Chat</a></p>
</header>
<nav aria-label="Contents">
<ul>
${entries.map(
  (entry) => html`<li><a href="#${keyOf(entry)}">${entry.name}</a><ul class="detail">${entry.exports.map(
    ({ name }) => html`<li><a href="#${keyOf(entry)}-${name}">${name}</a></li>`,
  )}</ul></li>
`,
)}
</ul>
</nav>
<main>
<p>The page <code>docs/client.md</code> in the repository explains how these work together, with examples.</p>
${entries.map(
  (entry) => html`<h2 id="${keyOf(entry)}">${entry.name}</h2>
${entry.exports.map((one) => exportView(one, entry, schemas, linker(entry, entries)))}`,
)}
</main>
</body>
</html>
`.text
}

/** Returns code with links to the exports that it names. */
type Linker = (code: string) => Html

/** Returns the name of an entry in anchors: `client` or the name of a part. */
function keyOf({ name }: Pick<Entry, 'name'>): string {
  return name.split('/').at(-1) ?? name
}

function linker(own: Entry, entries: readonly Entry[]): Linker {
  const anchors = new Map(
    [...entries.filter((entry) => entry !== own).toReversed(), own].flatMap((entry) =>
      entry.exports.map(({ name }) => [name, `${keyOf(entry)}-${name}`]),
    ),
  )
  const part = (word: string): Part => {
    const anchor = anchors.get(word)
    return anchor === undefined ? word : html`<a href="#${anchor}">${word}</a>`
  }
  return (code) =>
    html`${code.split(/('[^']*'|"[^"]*"|\/\*[\s\S]*?\*\/|(?<![.\w])[A-Za-z_]\w*(?!\w*['(?:]))/).map(part)}`
}

function exportView(
  one: Export,
  entry: Entry,
  schemas: Readonly<Record<string, Schema>>,
  linked: Linker,
): Html {
  const anchor = `${keyOf(entry)}-${one.name}`
  const schema = one.isOfProtocol ? schemas[one.name] : undefined
  return html`<section id="${anchor}">
<h4><a href="#${anchor}"><code>${one.name}</code></a></h4>
<p class="callers">${one.kind}</p>
${markdown(one.description)}
${schema === undefined ? contentOf(one, linked) : schemaView(schema, (name) => `client-${name}`)}
</section>
`
}

function contentOf(one: Export, linked: Linker): Html {
  const code = html`<pre tabindex="0"><code>${linked(one.declaration)}</code></pre>`
  if (one.members.length === 0) return code
  const rows = one.members.map(({ name, type, isOptional, description }) => ({
    name: html`<code>${name}</code>${isOptional ? html` <span class="optional">optional</span>` : undefined}`,
    type: html`<code>${linked(type)}</code>`,
    meaning: description,
  }))
  return html`${code}${fieldTable('Member', rows)}`
}
