import type { AsyncApi } from '../async-document.ts'
import type { OpenApi } from '../openapi.ts'
import { headOf } from './head.ts'
import { html } from './html.ts'
import { errorCodesView, httpLinks, httpView } from './http.ts'
import { markdown } from './markdown.ts'
import { brokerLinks, brokerView, frameAnchors, framesLinks, framesView } from './messages.ts'
import { schemaView } from './schema.ts'

/**
 * Returns the page that shows both documents. It needs no script, so the strictest policy lets it work; its links are relative
 * to `/api/docs`.
 */
export function pageOf(http: OpenApi, messages: AsyncApi): string {
  const frames = frameAnchors(messages)
  const anchorOf = (name: string) => frames.get(name) ?? `schema-${name}`
  const schemas = Object.entries({ ...http.components.schemas, ...messages.components.schemas })
    .filter(([name]) => !frames.has(name))
    .sort(([one], [other]) => (one < other ? -1 : 1))
  return html`${headOf({ title: 'interfaces', root: '../', style: 'docs/style.css' })}
<p>Version ${http.info.version} · <a href="docs/openapi.json">OpenAPI ${http.openapi}</a> · <a href="docs/asyncapi.json">AsyncAPI ${messages.asyncapi}</a> · <a href="docs/client.html">Client</a> · <a href="../">Chat</a></p>
</header>
<nav aria-label="Contents">
<ul>
<li><a href="#http">HTTP</a><ul>${httpLinks(http)}</ul></li>
<li><a href="#frames">Frames</a><ul>${framesLinks(messages)}</ul></li>
<li><a href="#broker">Broker</a><ul>${brokerLinks(messages)}</ul></li>
<li><a href="#error-codes">Errors</a></li>
<li><a href="#schemas">Schemas</a><ul class="detail">${schemas.map(([name]) => html`<li><a href="#${anchorOf(name)}">${name}</a></li>`)}</ul></li>
</ul>
</nav>
<main>
<h2 id="http">HTTP</h2>
${markdown(http.info.description)}
${httpView(http, anchorOf)}
<h2 id="frames">Frames</h2>
${framesView(messages, anchorOf)}
<h2 id="broker">Broker</h2>
${markdown(messages.info.description)}
${brokerView(messages, anchorOf)}
<h2 id="error-codes">Errors</h2>
<p>In <a href="#serverError"><code>error</code></a> frames and in answers over HTTP. “Retry” says whether the same request, unchanged, may succeed later.</p>
${errorCodesView()}
<h2 id="schemas">Schemas</h2>
${schemas.map(
  ([name, schema]) => html`<section id="${anchorOf(name)}">
<h4><a href="#${anchorOf(name)}">${name}</a></h4>
${schema.description === undefined ? undefined : markdown(schema.description)}
${schemaView(schema, anchorOf)}
</section>
`,
)}
</main>
</body>
</html>
`.text
}
