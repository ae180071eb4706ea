import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'

/** Time (ms) for which the button says that the code was copied. */
const saidFor = 2_000

/** Lines of code with a button that copies them. */
export function CodeBlock({ text, info }: { text: string; info: string }): JSX.Element {
  const outcome = useSignal('')
  const code = useRef<HTMLElement>(null)
  const copy = async () => {
    outcome.value = (await copyText(text, code.current)) ? 'Copied' : 'Not copied'
    setTimeout(() => {
      outcome.value = ''
    }, saidFor)
  }
  return (
    <figure class="code-block">
      <figcaption>
        <bdi>{info}</bdi>
        <button type="button" class="quiet-button" onClick={() => void copy()}>
          Copy<span class="unseen"> code</span>
        </button>
        <span class="quiet" role="status">
          {outcome}
        </span>
      </figcaption>
      {/* The keyboard scrolls it. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable */}
      <pre tabIndex={0} dir="ltr">
        <code ref={code}>{text}</code>
      </pre>
    </figure>
  )
}

/** Copies a text. A page without TLS has no clipboard, but can copy what is selected. */
async function copyText(text: string, shown: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    if (shown === null) return false
    getSelection()?.selectAllChildren(shown)
    return document.execCommand('copy')
  }
}
