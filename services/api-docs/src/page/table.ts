import { type Html, html, type Part } from './html.ts'

/** Returns a table that can be scrolled sideways by itself. */
export function table(heads: readonly string[], rows: readonly (readonly Part[])[]): Html {
  return html`<div class="table" tabindex="0"><table><thead><tr>${heads.map(
    (head) => html`<th scope="col">${head}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
`,
  )}</tbody></table></div>`
}
