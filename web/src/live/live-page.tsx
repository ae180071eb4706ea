import { signal } from '@preact/signals'
import type { ComponentType, JSX } from 'preact'
import { PageHead } from '../shell/page-head.tsx'
import { t } from '../texts/texts.ts'
import { NotLoaded } from '../ui/on-demand.tsx'

const loaded = signal<ComponentType | undefined>(undefined)
const problem = signal(false)

/** Live page of the gateways. Its code is loaded when the page is first opened, so that the chat starts faster. */
export function LivePage(): JSX.Element {
  const Gateways = loaded.value
  if (Gateways !== undefined) return <Gateways />
  if (!problem.value) void load()
  return (
    <section class="page">
      <PageHead title={t.live.gateways} />
      <div class="page-body">{problem.value ? <NotLoaded /> : <p role="status">{t.common.loading}</p>}</div>
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
