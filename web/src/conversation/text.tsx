import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { linkify } from './linkify.ts'
import { isInvisible, isLonger, shown } from './shown.ts'

/** Numbers of graphemes and of lines beyond which a text is cut. */
const longText = 1_200
const manyLines = 24

/** Text of a message, unchanged except for web links. A very long text is cut until the reader expands it. */
export function Text({ text }: { text: string }): JSX.Element {
  const whole = useSignal(false)
  if (isInvisible(text)) return <p class="fate">a message of invisible characters</p>
  const lines = shown(text)
  const long = isLonger(lines, longText) || lines.split('\n', manyLines + 1).length > manyLines
  const cut = long && !whole.value
  return (
    <>
      <p class={`text ${cut ? 'cut' : ''}`} dir="auto">
        {linkify(lines).map(({ text, href }, index) =>
          href === undefined ? (
            text
          ) : (
            <a key={index} href={href} target="_blank" rel="noopener noreferrer">
              <bdi>{text}</bdi>
            </a>
          ),
        )}
      </p>
      {long && (
        <button
          type="button"
          class="link-button"
          aria-expanded={!cut}
          onClick={() => {
            whole.value = !whole.value
          }}
        >
          {cut ? 'Show all' : 'Show less'}
        </button>
      )}
    </>
  )
}
