import MarkdownIt, { type StateBlock, type StateInline, type Token } from 'markdown-it'
import { addressAt } from './linkify.ts'
import { type Mentionable, mentionAt } from './mentions.ts'
import { linkOf } from './named-link.ts'
import type { Block, Inline } from './tree.ts'

/** Bounds. A text beyond one of them is shown as it is. */
const maxLength = 10_000
const maxNodes = 1_000
const maxDepth = 20
/** The parser looks from each opening bracket for the closing one. */
const maxBrackets = 1_000

/** Marks of a chat message. Everything else of Markdown stays as written: headings, images, tables, HTML, entities. */
const markdown = new MarkdownIt('zero', { maxNesting: maxDepth })
markdown.enable(['fence', 'blockquote', 'list', 'escape', 'backticks', 'strikethrough', 'emphasis', 'link'])
markdown.inline.ruler.after('text', 'address', address)
markdown.inline.ruler.after('text', 'mention', mention)
markdown.block.ruler.push('end', isEnd, { alt: ['paragraph', 'blockquote'] })
markdown.validateLink = (href) => addressAt(href, 0)?.text === href
markdown.normalizeLink = (href) => href

/** Takes a web address as a whole, so that marks in it are no marks. */
function address(state: StateInline, silent: boolean): boolean {
  if (state.linkLevel > 0 || !state.src.startsWith('://', state.pos)) return false
  const [scheme] = /https?$/i.exec(state.src.slice(Math.max(0, state.pos - 5), state.pos)) ?? []
  if (scheme === undefined || (!silent && !state.pending.endsWith(scheme))) return false
  // The text of a link may be an address.
  const end = state.src.indexOf('](', state.pos)
  const src = end === -1 ? state.src : state.src.slice(0, end)
  const found = addressAt(src, state.pos - scheme.length)
  if (found === undefined) return false
  if (!silent) {
    state.pending = state.pending.slice(0, -scheme.length)
    const token = state.push('address', '', 0)
    token.content = found.text
    token.meta = { href: found.href }
  }
  state.pos += found.text.length - scheme.length
  return true
}

function mention(state: StateInline, silent: boolean): boolean {
  const found = mentionAt(state.src, state.pos, (state.env as { all: readonly Mentionable[] }).all)
  if (found === undefined) return false
  if (!silent) {
    const token = state.push('mention', '', 0)
    token.content = `@${found.name}`
    token.meta = { id: found.id }
  }
  state.pos += 1 + found.name.length
  return true
}

/**
 * Ends a quote at the first line without its mark, and an item of a list at the first line that is not indented, as people expect.
 * Markdown counts such a line to the paragraph before it.
 */
function isEnd(state: StateBlock, line: number, _end: number, silent: boolean): boolean {
  if (!silent) return false
  if (state.parentType === 'blockquote') return true
  return (state.sCount[line] ?? 0) < state.blkIndent
}

/**
 * Returns the parts of a formatted text; undefined if it has no format, or is beyond a bound. Lines keep their ends, and their
 * indentation.
 */
export function parse(text: string, all: readonly Mentionable[]): Block[] | undefined {
  if (text.length > maxLength || text.split('[', maxBrackets + 2).length > maxBrackets + 1) return undefined
  const tokens = markdown.parse(text, { all })
  // The parser leaves out what is nested deeper.
  if (tokens.some(({ nesting, level }) => nesting === 1 && level >= maxDepth - 1)) return undefined
  const builder = new Builder()
  const blocks = builder.blocks(tokens)
  if (builder.isBeyond) return undefined
  return builder.isFormatted ? blocks : undefined
}

/** Makes a tree of the parser's flat list of tokens. */
class Builder {
  #nodes = 0
  #depth = 0
  /** Whether anything differs from the text as it was written. */
  isFormatted = false

  get isBeyond(): boolean {
    return this.#nodes > maxNodes || this.#depth > maxDepth
  }

  blocks(tokens: readonly Token[]): Block[] {
    const root: Block[] = []
    /** Lists of children that are open, the innermost last; and the items of the open lists. */
    const open = [root]
    const lists: Block[][][] = []
    for (const { type, nesting, children, content, info, markup, attrs } of tokens) {
      this.#count(open.length)
      if (nesting >= 0 && type !== 'inline' && type !== 'paragraph_open') this.isFormatted = true
      const into = open.at(-1) as Block[]
      if (type === 'inline') into.push({ type: 'paragraph', children: this.#inlines(children ?? []) })
      else if (type === 'fence') into.push({ type: 'code', text: codeOf(content, markup), info: info.trim() })
      else if (type === 'blockquote_open') {
        const quote: Block[] = []
        into.push({ type: 'quote', children: quote })
        open.push(quote)
      } else if (type === 'bullet_list_open' || type === 'ordered_list_open') {
        const items: Block[][] = []
        const start = Number(attrs?.find(([name]) => name === 'start')?.[1] ?? 1)
        into.push({ type: 'list', marker: markup, items, ...(type === 'ordered_list_open' && { start }) })
        lists.push(items)
      } else if (type === 'list_item_open') {
        const item: Block[] = []
        lists.at(-1)?.push(item)
        open.push(item)
      } else if (type === 'bullet_list_close' || type === 'ordered_list_close') lists.pop()
      else if (nesting === -1 && type !== 'paragraph_close') open.pop()
    }
    return root
  }

  #inlines(tokens: readonly Token[]): Inline[] {
    const root: Inline[] = []
    const open = [root]
    for (const { type, nesting, content, meta, attrs } of tokens) {
      this.#count(open.length)
      const into = open.at(-1) as Inline[]
      if (/^(code_inline|em_open|strong_open|s_open)$/.test(type)) this.isFormatted = true
      if (type === 'code_inline') into.push({ type: 'code', text: content })
      else if (type === 'address') into.push({ type: 'link', href: String(meta?.href), children: [content] })
      else if (type === 'mention') into.push({ type: 'mention', text: content, id: String(meta?.id) })
      else if (type === 'hardbreak') into.push('\\\n')
      else if (nesting === 1) {
        const children: Inline[] = []
        open.push(children)
        if (type === 'link_open') into.push({ type: 'link', href: String(attrs?.[0]?.[1]), children })
        else
          into.push({ type: type === 'strong_open' ? 'strong' : type === 'em_open' ? 'em' : 's', children })
      } else if (nesting === -1) {
        open.pop()
        const outer = open.at(-1)
        const done = outer?.at(-1)
        if (type === 'link_close' && typeof done === 'object' && done.type === 'link')
          outer?.splice(-1, 1, ...this.#link(done.href, into))
      } else if (content !== '') into.push(content)
    }
    return root
  }

  #link(href: string, children: Inline[]): Inline[] {
    const pieces = linkOf(href, children)
    if (pieces.length === 1) this.isFormatted = true
    return pieces
  }

  #count(depth: number): void {
    this.#nodes++
    this.#depth = Math.max(this.#depth, depth)
  }
}

/** Returns the code of a block without a closing fence at the end of its last line. */
function codeOf(content: string, fence: string): string {
  const code = content.replace(/\n$/, '')
  return code.endsWith(fence) ? code.slice(0, -fence.length) : code
}
