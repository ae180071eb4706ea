import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Returns the page `Index` of a folder of Razor pages, as ASP.NET Core would: for pages with few expressions. */
export function renderRazor(folder: string): string {
  const read = (name: string) => readFileSync(join(folder, name), 'utf8').replace(/^\uFEFF/, '')
  const page = read('Index.cshtml')
  const values: Record<string, string> = {
    'ViewData["Title"]': /ViewData\["Title"\] = "(.*)"/.exec(page)?.[1] ?? '',
    'Model.Message': 'a container',
    'RenderBody()': page.replace(/^@(page|model .*)$/gm, '').replace(/^@\{[^}]*\}/m, ''),
    'RenderSection("Scripts", required: false)': '',
  }
  let html = read('Shared/_Layout.cshtml').replace(/@\*[\s\S]*?\*@/g, '')
  // The body has expressions, too.
  for (const expression of ['RenderBody()', ...Object.keys(values)]) {
    html = html.replaceAll(`@${expression}`, () => values[expression] ?? '')
  }
  return html
    .replaceAll('"~/', '"/')
    .replaceAll(/ asp-page="\/(?:Index)?(.*?)"/g, ' href="/$1"')
    .replaceAll(/ asp-[a-z-]+="[^"]*"/g, '')
}
