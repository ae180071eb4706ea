import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import { filesIn, repository } from './repository.ts'

/** Returns a page without blocks of code, where brackets and `#` mean nothing. */
function withoutBlocks(page: string): string {
  return page.replace(/^( *)(`{3,}|~{3,}).*\n[\s\S]*?^ *\2[`~]* *$/gm, '')
}

/** Returns the anchors that GitHub gives to the headings of a page. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of withoutBlocks(page).matchAll(/^#{1,6} +(.+?)(?: +#+)? *$/gm)) {
    const slug = heading
      .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-')
    let anchor = slug
    for (let number = 1; anchors.has(anchor); number++) anchor = `${slug}-${number}`
    anchors.add(anchor)
  }
  return anchors
}

/** Returns the targets of the links and images of a page, except web addresses. */
function linksIn(page: string): string[] {
  const text = withoutBlocks(page)
  const inline = text.replace(/(`+)(?!`).*?[^`]\1(?!`)/g, '').matchAll(/\]\(<?([^\s)>]+)/g)
  const defined = text.matchAll(/^ {0,3}\[[^\]]+\]: *<?([^\s>]+)/gm)
  const html = text.matchAll(/<[a-z][^>]* (?:href|src)="([^"]+)"/g)
  return [...inline, ...defined, ...html]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
}

/** Returns the reason why a link of a page is broken, or undefined. Files are relative to the repository. */
function problem(file: string, link: string, read: (file: string) => string | undefined): string | undefined {
  const [path = '', anchor] = link.split('#', 2)
  const target = path === '' ? file : join(dirname(file), decodeURIComponent(path))
  const page = read(target)
  if (page === undefined) return `${file}: ${link} names no file`
  if (anchor === undefined || (target.endsWith('.md') && anchorsOf(page).has(decodeURIComponent(anchor)))) {
    return undefined
  }
  return `${file}: ${link} names no heading`
}

/** Returns the text of a page, an empty text for other files and for folders, and undefined without such a file. */
function readInRepository(file: string): string | undefined {
  const path = join(repository, file)
  if (relative(repository, path).startsWith('..') || !existsSync(path)) return undefined
  return file.endsWith('.md') ? readFileSync(path, 'utf8') : ''
}

t.test('each relative link of a page leads to a file and a heading', async (t) => {
  const pages = filesIn('', /\.md$/)
  t.ok(pages.length > 8, 'the pages are found')
  const links = pages.flatMap((file) => linksIn(readInRepository(file) ?? '').map((link) => ({ file, link })))
  t.ok(links.length > 200, 'the links are found')
  t.same(
    links.flatMap(({ file, link }) => problem(file, link, readInRepository) ?? []),
    [],
  )
})

t.test('links that lead nowhere are found', async (t) => {
  const pages: Record<string, string> = {
    'docs/a.md': [
      '# The queue `rabble.notify`',
      '## `GET /api/rooms/{room}`',
      '## Twice',
      '## Twice',
      '```md\n# No heading\n[no link](nowhere.md)\n```',
      'Also `[no link](nowhere.md)`, and [`code`](#twice) as the text of one. [An address](https://example.org/#x)',
      '[defined]: ../b.md "B"',
      '<img width="52%" src="images/c.png" alt="C">',
    ].join('\n\n'),
    'README.md': '[a](docs/a.md)',
  }
  const read = (file: string) => pages[file]
  t.same(
    [...anchorsOf(pages['docs/a.md'] ?? '')],
    ['the-queue-rabblenotify', 'get-apiroomsroom', 'twice', 'twice-1'],
  )
  t.same(linksIn(pages['docs/a.md'] ?? ''), ['#twice', '../b.md', 'images/c.png'])
  t.equal(problem('docs/a.md', '#twice-1', read), undefined)
  t.equal(problem('docs/a.md', '../README.md', read), undefined)
  t.equal(problem('README.md', 'docs/a.md#get-apiroomsroom', read), undefined)
  t.match(problem('README.md', 'docs/a.md#twice-2', read), /no heading/)
  t.match(problem('README.md', 'docs/a.md#no-heading', read), /no heading/)
  t.match(problem('docs/a.md', 'README.md', read), /no file/)
})
