import { signal } from '@preact/signals'
import type { ComponentType, JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { t } from '../texts/texts.ts'

/** Returns a component whose code is loaded when it is first drawn. If that fails it says so, and its next drawing tries again. */
export function onDemand<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  const loaded = signal<{ Part: ComponentType<Props> } | undefined>(undefined)
  const failed = signal(false)
  return function OnDemand(props: Props): JSX.Element | null {
    useEffect(() => {
      failed.value = false
      if (loaded.peek() !== undefined) return
      load().then(
        (Part) => {
          loaded.value = { Part }
        },
        () => {
          failed.value = true
        },
      )
    }, [])
    const { Part } = loaded.value ?? {}
    if (Part !== undefined) return <Part {...props} />
    return failed.value ? <NotLoaded /> : null
  }
}

/** Says that a part of the page could not be loaded. */
export function NotLoaded(): JSX.Element {
  return (
    <p class="notice" role="alert">
      {t.ui.notLoaded}{' '}
      <button type="button" onClick={() => location.reload()}>
        {t.ui.loadAgain}
      </button>
    </p>
  )
}
