import './dom.ts'
import type { Chat } from '@rabble/client'
import { type TestContext, until } from '@rabble/harness'
import { type ReactNode, StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ChatProvider } from '../src/index.ts'

export interface Mounted {
  readonly container: HTMLElement
  render(node: ReactNode): void
  unmount(): void
  /** Returns the texts of the elements that match. */
  texts(selector: string): string[]
  /** Waits until the texts of the elements are exactly these. */
  shows(selector: string, texts: readonly string[]): Promise<void>
  click(selector: string): void
}

/** Mounts components in a page, as an application does: renders are not awaited. They are unmounted at teardown. */
export function mount(t: TestContext, node: ReactNode): Mounted {
  const container = document.createElement('div')
  document.body.append(container)
  const root = createRoot(container)
  root.render(node)
  t.teardown(() => root.unmount())
  const find = (selector: string) => [...container.querySelectorAll<HTMLElement>(selector)]
  const texts = (selector: string) => find(selector).map(({ textContent }) => textContent ?? '')
  return {
    container,
    render: (node) => root.render(node),
    unmount: () => root.unmount(),
    texts,
    shows: (selector, wanted) =>
      until(() => texts(selector).join('\n') === wanted.join('\n'), 30_000, `${selector}: ${wanted}`).catch(
        (error: Error) => {
          throw new Error(`${error.message}; it shows ${JSON.stringify(texts(selector))}`)
        },
      ),
    click: (selector) => find(selector)[0]?.click(),
  }
}

/** Mounts components within a chat, in strict mode. */
export function mountIn<Meta>(t: TestContext, chat: Chat<Meta>, node: ReactNode): Mounted {
  const within = (node: ReactNode) => (
    <StrictMode>
      <ChatProvider chat={chat}>{node}</ChatProvider>
    </StrictMode>
  )
  const mounted = mount(t, within(node))
  return { ...mounted, render: (node) => mounted.render(within(node)) }
}
