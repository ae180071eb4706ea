import type { JSX } from 'preact'
import { me } from '../state/session.ts'
import type { Inline } from './tree.ts'

/** Pieces of a line as elements. Texts are text nodes, whatever they contain. */
export function Pieces({ of }: { of: readonly Inline[] }): JSX.Element {
  return (
    <>{of.map((piece, index) => (typeof piece === 'string' ? piece : <Piece key={index} of={piece} />))}</>
  )
}

function Piece({ of }: { of: Exclude<Inline, string> }): JSX.Element {
  if (of.type === 'code') return <code>{of.text}</code>
  if (of.type === 'mention') {
    return <bdi class={`mention ${of.id === me.value?.id ? 'own' : ''}`}>{of.text}</bdi>
  }
  if (of.type === 'link') {
    return (
      <>
        <a href={of.href} target="_blank" rel="noopener noreferrer">
          <bdi>
            <Pieces of={of.children} />
          </bdi>
        </a>
        {of.host !== undefined && <span class="host"> ({of.host})</span>}
      </>
    )
  }
  const Tag = of.type
  return (
    <Tag>
      <Pieces of={of.children} />
    </Tag>
  )
}
