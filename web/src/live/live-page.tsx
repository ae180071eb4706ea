import { signal } from '@preact/signals'
import type { ComponentType, JSX } from 'preact'
import { PageHead } from '../shell/page-head.tsx'

const loaded = signal<ComponentType | undefined>(undefined)
const problem = signal(false)

/** Live page of the gateways. Its code is loaded when the page is first opened, so that the chat starts faster. */
export function LivePage(): JSX.Element {
  const Gateways = loaded.value
  if (Gateways !== undefined) return <Gateways />
  if (!problem.value) void load()
  return (
    <section class="page">
      <PageHead title="Gateways" />
      <div class="page-body">
        {problem.value ? (
          <p class="notice" role="alert">
            This part of the page could not be loaded: the server has another version by now, or cannot be
            reached.{' '}
            <button type="button" onClick={() => location.reload()}>
              Load the page again
            </button>
          </p>
        ) : (
          <p role="status">Loading…</p>
        )}
      </div>
    </section>
  )
}

async function load(): Promise<void> {
  try {
    const { Gateways } = await import('./gateways.tsx')
    loaded.value = Gateways
  } catch {
    problem.value = true
  }
}
