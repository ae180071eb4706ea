import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { t } from '../texts/texts.ts'
import { copyText } from '../ui/copy.ts'

/** Time (ms) for which the button says that the code was copied. */
const saidFor = 2_000

/** Lines of code with a button that copies them. */
export function CodeBlock({ text, info }: { text: string; info: string }): JSX.Element {
  const outcome = useSignal('')
  const copy = async (button: HTMLElement) => {
    outcome.value = (await copyText(text, button)) ? t.conversation.copied : t.conversation.notCopied
    setTimeout(() => {
      outcome.value = ''
    }, saidFor)
  }
  return (
    <figure class="code-block">
      <figcaption>
        <bdi>{info}</bdi>
        <button
          type="button"
          class="quiet-button"
          aria-label={t.conversation.copyCode}
          onClick={({ currentTarget }) => void copy(currentTarget)}
        >
          {t.conversation.copy}
        </button>
        <span class="quiet" role="status">
          {outcome}
        </span>
      </figcaption>
      {/* The keyboard scrolls it. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable */}
      <pre tabIndex={0} dir="ltr">
        <code>{text}</code>
      </pre>
    </figure>
  )
}
