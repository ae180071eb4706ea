import type { Schema } from '../schemas.ts'
import type { Entry, Export } from '../sdk/exports.ts'
import { headOf } from './head.ts'
import { type Html, html, type Part } from './html.ts'
import { markdown } from './markdown.ts'
import { type AnchorOf, fieldTable, schemaView } from './schema.ts'

/**
 * Returns the page of the SDK's interface, which has the policy and the style of `pageOf`. Its links are relative to `/api/docs/`.
 * `schemas` are those of the protocol by their names, with the meanings of fields.
 */
export function sdkPageOf(
  entries: readonly Entry[],
  schemas: Readonly<Record<string, Schema>>,
  version: string,
): string {
  const known = new Map(
    entries
      .flatMap((entry) =>
        entry.exports.map(({ name, schema = '' }) => [schema, `${keyOf(entry)}-${name}`] as const),
      )
      .toReversed(),
  )
  // Objects within those that the SDK exports. The set grows while they are shown.
  const inner = new Set<string>()
  const anchorOf = (name: string) => {
    const anchor = known.get(name)
    if (anchor === undefined) inner.add(name)
    return anchor ?? `protocol-${name}`
  }
  const exported = entries.map(
    (entry) => html`<h2 id="${keyOf(entry)}">${entry.name}</h2>
${entry.exports.map((one) => exportView(one, entry, linker(entry, entries), { schemas, anchorOf }))}`,
  )
  const objects: Html[] = []
  for (const name of inner) {
    objects.push(html`<section id="protocol-${name}">
<h4><a href="#protocol-${name}"><code>${name}</code></a></h4>
${schemaView(schemas[name] ?? {}, anchorOf)}
</section>
`)
  }
  return html`${headOf({ title: 'the client', root: '../../', style: 'style.css' })}
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
${exported}
${objects.length > 0 ? html`<h2 id="protocol">Objects of the protocol</h2>` : undefined}
${objects}
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

/** Schemas of the protocol, and the anchors of their names on this page. */
interface Protocol {
  schemas: Readonly<Record<string, Schema>>
  anchorOf: AnchorOf
}

function exportView(one: Export, entry: Entry, linked: Linker, { schemas, anchorOf }: Protocol): Html {
  const anchor = `${keyOf(entry)}-${one.name}`
  const schema = one.schema === undefined ? undefined : schemas[one.schema]
  return html`<section id="${anchor}">
<h4><a href="#${anchor}"><code>${one.name}</code></a></h4>
<p class="callers">${one.kind}</p>
${markdown(one.description)}
${schema === undefined ? contentOf(one, linked) : schemaView(schema, anchorOf)}
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
