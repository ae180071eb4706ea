import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { knownNameOf } from '../state/names.ts'
import { me } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { formatter, hasMarks } from './markup.ts'
import type { Mentionable } from './mentions.ts'
import { Pieces } from './pieces.tsx'
import { isInvisible, isLonger, shown } from './shown.ts'
import { piecesOf } from './tree.ts'

/** Numbers of graphemes and of lines beyond which a text is cut. */
const longText = 1_200
const manyLines = 24

/** Text of a message, with its links, mentions and format. A very long text is cut until the reader expands it. */
export function Text({
  text,
  mentions,
}: {
  text: string
  /** Ids of those whom the message mentions. */
  mentions?: readonly string[] | undefined
}): JSX.Element {
  const whole = useSignal(false)
  const lines = shown(text)
  const format = hasMarks(lines) ? formatter() : undefined
  const names = namesOf(mentions)
  const known = names.map(({ name }) => name).join('\n')
  // Parses again if a name has become known.
  const blocks = useMemo(() => format?.parse(lines, names), [format, lines, known])
  if (isInvisible(text)) return <p class="fate">{t.conversation.invisible}</p>
  const long = isLonger(lines, longText) || lines.split('\n', manyLines + 1).length > manyLines
  const cut = long && !whole.value
  return (
    <>
      {format === undefined || blocks === undefined ? (
        <p class={`text ${cut ? 'cut' : ''}`} dir="auto">
          <Pieces of={piecesOf(lines, names)} />
        </p>
      ) : (
        <div class={`text formatted ${cut ? 'cut' : ''}`} dir="auto">
          <format.Blocks of={blocks} />
        </div>
      )}
      {long && (
        <button
          type="button"
          class="link-button"
          aria-expanded={!cut}
          onClick={() => {
            whole.value = !whole.value
          }}
        >
          {cut ? t.conversation.showAll : t.conversation.showLess}
        </button>
      )}
    </>
  )
}

/** Returns those whom a message mentions, as far as their names are known. */
function namesOf(mentions: readonly string[] | undefined): Mentionable[] {
  const own = me.peek()
  return (mentions ?? []).flatMap((id) => {
    const name = id.startsWith('@') ? id.slice(1) : id === own?.id ? own.name : knownNameOf(id)
    return name === undefined ? [] : [{ id, name }]
  })
}
