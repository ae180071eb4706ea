import type { JSX } from 'preact'
import { CodeBlock } from './code-block.tsx'
import { Pieces } from './pieces.tsx'
import type { Block } from './tree.ts'

export { parse } from './markdown.ts'

/** Parts of a formatted text as elements. */
export function Blocks({ of }: { of: readonly Block[] }): JSX.Element {
  return (
    <>
      {of.map((block, index) => (
        <Part key={index} of={block} />
      ))}
    </>
  )
}

function Part({ of }: { of: Block }): JSX.Element {
  switch (of.type) {
    case 'paragraph':
      return (
        <p dir="auto">
          <Pieces of={of.children} />
        </p>
      )
    case 'quote':
      return (
        <blockquote>
          <Blocks of={of.children} />
        </blockquote>
      )
    case 'code':
      return <CodeBlock text={of.text} info={of.info} />
    case 'list': {
      const items = of.items.map((item, index) => (
        <li key={index}>
          <Blocks of={item} />
        </li>
      ))
      if (of.start === undefined) return <ul class={of.marker === '*' ? '' : lists[of.marker]}>{items}</ul>
      return <ol start={of.start}>{items}</ol>
    }
    default:
      return of satisfies never
  }
}

/** Classes of lists whose items keep their mark: "- 5 degrees" must not lose its sign. */
const lists: Record<string, string> = { '-': 'dashes', '+': 'pluses' }
